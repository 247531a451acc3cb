"""The log of a server, over HTTP, with every answer held against a pinned key."""
