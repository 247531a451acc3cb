"""The published JSON Schemas: one per evidence kind and version, as package data."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


def schema_of(kind: str, version: int) -> dict[str, Any] | None:
    """The JSON Schema (draft 2020-12) of a kind's body; None for an unknown kind or version."""
    found = files(__name__).joinpath(f"{kind}-v{version}.json")
    if not found.is_file():
        return None
    document: dict[str, Any] = json.loads(found.read_text("utf-8"))
    return document


@cache
def is_known(kind: str, version: int) -> bool:
    """Whether this version of the package has a schema for the kind and version."""
    return schema_of(kind, version) is not None
