"""Files, folders and tables of people, read as steps of registers."""
