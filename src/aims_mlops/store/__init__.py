"""The append-only evidence log, its blobs, the remote store and the local spool."""
