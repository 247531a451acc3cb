"""What a saved model is: flavour, signature, requirements, and whether it loads elsewhere."""
