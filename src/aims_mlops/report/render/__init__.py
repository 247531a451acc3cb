"""How reports look: page, lines and templates."""
