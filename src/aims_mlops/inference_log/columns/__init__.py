"""Requests and answers as columns of a table."""
