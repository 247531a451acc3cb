"""The log itself: the append, its tree and tiles, its signature, and reads."""
