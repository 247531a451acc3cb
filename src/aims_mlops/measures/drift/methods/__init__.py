"""Distances and tests between two samples, and which one fits a column."""
