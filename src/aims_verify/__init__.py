"""Verify an exported bundle offline, with nothing but the standard library and `cryptography`."""
