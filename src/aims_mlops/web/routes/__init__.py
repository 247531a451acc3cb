"""Addresses of the console: pages, their JSON twins, files and what people send."""
