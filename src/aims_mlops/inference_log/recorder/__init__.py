"""What takes a prediction from the serving thread to the disk."""
