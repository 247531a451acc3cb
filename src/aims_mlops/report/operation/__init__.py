"""How a system was watched and what was found."""
