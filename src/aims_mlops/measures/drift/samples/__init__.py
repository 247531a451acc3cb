"""The two sides of a comparison, column by column."""
