"""Bias: how a model's decisions differ between groups of people."""
