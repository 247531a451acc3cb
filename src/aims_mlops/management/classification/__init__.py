"""Risk tiers by the use of a system: rules as data, with article, source and confidence."""
