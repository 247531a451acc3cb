"""Data quality: what a table is expected to hold, and what it holds."""
