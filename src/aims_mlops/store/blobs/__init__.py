"""Files that records name by their digest, in a folder or an object store."""
