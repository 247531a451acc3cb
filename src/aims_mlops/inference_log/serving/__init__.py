"""Where predictions are caught: decorator, pyfunc, ASGI, our own server."""
