"""What came from what, for lineage tools."""
