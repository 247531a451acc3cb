"""The tables of a log in SQLite or PostgreSQL, and their upgrades."""
