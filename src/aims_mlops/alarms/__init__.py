"""Everything that is wrong now, worked out from the log and stored nowhere."""
