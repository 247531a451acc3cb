"""Clauses 4 to 10: documents and registers that people keep, as records of the log."""
