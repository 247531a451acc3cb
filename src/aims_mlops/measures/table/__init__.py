"""A table as every measure reads it, wherever it comes from."""
