"""The impact assessment: its form, and its review."""
