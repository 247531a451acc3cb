"""Canonical JSON (RFC 8785): one value, one sequence of bytes.

The fast writer is orjson with sorted keys. Its bytes are taken only where `shortcut.is_canonical`
or `limits.survey` has proved that they are what RFC 8785 asks for; everything else goes through
the `rfc8785` package.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.limits import (
    MAX_DEPTH,
    MAX_STATEMENT_BYTES,
    Form,
    plain_copy,
    survey,
)
from aims_mlops.evidence.shortcut import is_canonical

_FAST = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def canonical(value: Any) -> bytes:
    """The value as canonical JSON in UTF-8.

    Subclasses of JSON types are written as their base, members of an enumeration as their value, a
    UUID as its text. Raises EvidenceFormatError for NaN, integers from 2**53 on, lone surrogates,
    keys that are not strings, other types that are not JSON, and anything over the limits.
    """
    try:
        written = orjson.dumps(value, option=_FAST)
        done = is_canonical(value, written)
    except (TypeError, ValueError, RecursionError):
        done = False  # the survey says what is wrong, and where
    if not done:
        written = _after_survey(value)
    if len(written) > MAX_STATEMENT_BYTES:
        raise EvidenceFormatError(
            "evidence is too large",
            got=f"{len(written)} bytes",
            expected=f"at most {MAX_STATEMENT_BYTES} bytes",
            next_step="put the content into a blob and refer to it",
        )
    return written


def _after_survey(value: Any) -> bytes:
    form = survey(value).form
    if form is not Form.PLAIN:
        value = plain_copy(value)
    return _write_slowly(value) if form is Form.SLOW else _write_fast(value)


def _write_fast(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=_FAST)
    except (TypeError, ValueError, RecursionError) as error:
        raise EvidenceFormatError(f"not JSON: {error}") from error


def _write_slowly(value: Any) -> bytes:
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:  # its errors and UnicodeEncodeError are these
        raise EvidenceFormatError(f"not canonical JSON: {error}") from error


def parse(content: bytes) -> Any:
    """Read JSON from a stranger.

    Raises EvidenceFormatError for duplicate keys, NaN, lone surrogates, invalid UTF-8, integers
    from 2**53 on, and anything over the limits.
    """
    if len(content) > MAX_STATEMENT_BYTES:
        raise EvidenceFormatError(
            "JSON is too large",
            got=f"{len(content)} bytes",
            expected=f"at most {MAX_STATEMENT_BYTES} bytes",
        )
    _check_depth(content)
    try:
        orjson.loads(content)  # strict about UTF-8, surrogates, NaN and numbers; the other is not
        value = json.loads(content, object_pairs_hook=_unique)
    except EvidenceFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise EvidenceFormatError(f"not JSON: {error}") from None
    survey(value)
    return value


def parse_canonical(content: bytes) -> Any:
    """Read JSON that must be canonical already, so that it says one thing to every reader."""
    value = parse(content)
    if canonical(value) != content:
        raise EvidenceFormatError("JSON is not in canonical form (RFC 8785)")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise EvidenceFormatError(f"JSON has the key {name[:80]!r} twice in one object")
            seen.add(name)
    return found


def _check_depth(content: bytes) -> None:
    """Refuse deep nesting before a parser recurses into it."""
    depth = 0
    inside = escaped = False
    if content.count(b"[") + content.count(b"{") <= MAX_DEPTH:
        return
    for byte in content:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > MAX_DEPTH:
                raise EvidenceFormatError(
                    "JSON is nested too deep", expected=f"at most {MAX_DEPTH} levels"
                )
        elif byte in (0x5D, 0x7D):
            depth -= 1
