"""NIST's Open Security Controls Assessment Language: what GRC tools read."""
