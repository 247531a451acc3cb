"""What the gate decided, as statements that admission controllers read."""
