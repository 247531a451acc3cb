"""Base64 and JSON from a stranger, each in exactly one spelling."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from typing import Any


def from_base64(text: str | bytes) -> bytes | None:
    """The bytes; None if the text is not what encoding those bytes would give."""
    if isinstance(text, str):
        if not text.isascii():
            return None
        text = text.encode()
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if b64encode(raw) == text else None


def from_json(content: bytes) -> Any:
    """The value; raises ValueError for anything that could be read in two ways."""
    try:
        return _DECODER.decode(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def to_json(value: Any) -> bytes:
    """A value without floats in canonical form, which the bundle's own lines are in."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same key twice")
    return found


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads would make one for every record, and guess its encoding.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refused)
