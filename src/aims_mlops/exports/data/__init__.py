"""Datasets of a model in the formats of data catalogues."""
