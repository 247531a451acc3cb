"""Everything the log says of one model, read once."""
