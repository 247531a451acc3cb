"""MLflow: runs, models and the registry, through our hooks."""
