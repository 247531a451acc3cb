"""How a gate decides: pure rules over records."""
