"""Reports that take a while: made in the background, with their progress, kept by digest."""
