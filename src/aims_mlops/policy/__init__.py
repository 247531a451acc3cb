"""Policies: the grammar, reading them by line, and holding figures against their rules."""
