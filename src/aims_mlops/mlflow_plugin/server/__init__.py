"""MLflow's server with the gate in it."""
