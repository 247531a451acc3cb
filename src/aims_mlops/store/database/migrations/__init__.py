"""Alembic migrations of the log's tables, run when a store is created or upgraded."""
