"""Evidence of runs that a tracking server sees."""
