"""What a measure comes back with: figures, their order and their pictures."""
