"""What happens after promotion."""
