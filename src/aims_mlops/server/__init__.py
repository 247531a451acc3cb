"""The evidence store over HTTP."""
