"""How a record becomes bytes: canonical JSON, limits, and the signed envelope."""
