"""The files of an inference log: layout, schema, tally, retention."""
