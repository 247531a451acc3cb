"""What a training process does with MLflow."""
