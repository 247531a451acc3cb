"""pytest plugin for people who build on aims-mlops."""
