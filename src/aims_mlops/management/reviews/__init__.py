"""Management reviews: what was looked at."""
