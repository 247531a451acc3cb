"""Performance: how good a model is, overall and by group."""
