"""What each page shows, as plain data: the JSON twin, which the HTML renders and nothing else."""
