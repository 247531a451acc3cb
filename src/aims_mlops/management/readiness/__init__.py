"""How far the management system has come: clauses 4 to 10, each held against the log."""
