"""Who gets into the console, and what each may do there."""
