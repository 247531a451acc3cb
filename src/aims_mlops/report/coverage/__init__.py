"""How far the evidence supports each control."""
