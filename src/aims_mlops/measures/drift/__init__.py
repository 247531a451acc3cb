"""Drift: how a batch differs from a reference, and whether that lasts."""
