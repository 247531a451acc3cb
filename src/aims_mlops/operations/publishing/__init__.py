"""Exports handed to tools of governance, risk and compliance."""
