"""The registers of the management system: lists, entries and the form of an entry."""
