"""Who agreed to what, with which key."""
