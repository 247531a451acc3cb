"""Triggers and grants below the registry, in its database."""
