"""What a function was called with, and what of it may be told."""
