"""What every export is made of: the place in the log, one model there, ids, licences, archives."""
