"""What the registry says against what the log says."""
