"""Typed bodies, a class for each kind and version; the JSON Schemas are made from them."""
