"""What happens after promotion: deployments, captured inferences, scheduled drift runs."""
