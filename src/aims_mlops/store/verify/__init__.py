"""Whether a log is what its keys signed."""
