"""Digests and profiles of tables: what a dataset is, without its rows."""
