"""May this model be promoted: the pure decision and the service around it."""
