"""A part of the log that verifies offline."""
