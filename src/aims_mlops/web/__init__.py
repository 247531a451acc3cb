"""The web console: the evidence and what people do with it, in a browser."""
