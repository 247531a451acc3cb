"""What others read from the server in formats of their own: exports, and figures for Prometheus."""
