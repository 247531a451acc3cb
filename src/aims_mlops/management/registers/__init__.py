"""Documents and registers: one grammar, one fold, who may sign what, and the writers."""
