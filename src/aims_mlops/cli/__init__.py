"""The command line: one file per command group, each loaded on use."""
