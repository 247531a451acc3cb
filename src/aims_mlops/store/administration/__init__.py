"""What an operator does to a log: keys, roles, erasure, anchors."""
