"""What a run has gathered so far, and what it could not."""
