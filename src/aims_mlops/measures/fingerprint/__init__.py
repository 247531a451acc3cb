"""Digests and profiles of tables: what a data set is, without its rows."""
