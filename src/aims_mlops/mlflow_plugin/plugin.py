"""MLflow through our hooks; nothing of MLflow is imported before a hook needs it."""

from __future__ import annotations
