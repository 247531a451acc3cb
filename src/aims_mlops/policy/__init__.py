"""Policies: the model of the rules, loading with line-numbered errors, holding figures against rules."""
