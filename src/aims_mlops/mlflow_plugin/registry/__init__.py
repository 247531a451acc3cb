"""The gate inside MLflow's model registry."""
