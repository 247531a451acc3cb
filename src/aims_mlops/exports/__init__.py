"""What we know, in the formats of others."""
