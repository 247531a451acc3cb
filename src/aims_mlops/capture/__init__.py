"""Decorators and the run: what is recorded without a further word."""
