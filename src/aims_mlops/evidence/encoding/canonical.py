"""Canonical JSON (RFC 8785): one value, one sequence of bytes.

The fast writer is orjson with sorted keys. Its bytes are taken only where
`fast_canonical.is_canonical` or `limits.survey` has proved that they are what RFC 8785 asks for;
everything else goes through the `rfc8785` package.

One rule for numbers, for every way in and out: a number is an IEEE 754 double. Below 2**53 an
integer and a float that is whole are the same number, written the same. From 2**53 on only a float
is evidence, because an integer of that size may be none; RFC 8785 writes such a float below 1e21
with digits alone, and whoever reads those digits here gets the float back. Others are refused.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import orjson

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.encoding.fast_canonical import is_canonical
from aims_mlops.evidence.encoding.limits import (
    EXACT,
    MAX_DEPTH,
    MAX_STATEMENT_BYTES,
    Form,
    plain_copy,
    survey,
)

_FAST = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
# Where an integer of 16 digits or more may stand; the smallest from 2**53 on has 16.
_LARGE = re.compile(rb"(?:\A|[:,\[])[ \t\r\n]*-?[0-9]{16}")
_DIGITS = 21  # RFC 8785 writes what has more with an exponent
_encode = msgspec.msgpack.Encoder().encode


def canonical(value: Any) -> bytes:
    """The value as canonical JSON in UTF-8.

    Subclasses of JSON types are written as their base, members of an enumeration as their value, a
    UUID as its text. Raises EvidenceFormatError for NaN, integers (not floats) from 2**53 on, lone
    surrogates, keys that are not strings, other types that are not JSON, and anything over the
    limits.
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

    Digits from 2**53 on are read as the float that is written so. Raises EvidenceFormatError for
    digits that are none's, duplicate keys, NaN, lone surrogates, invalid UTF-8, and anything over
    the limits.
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
        hook = _integer if _LARGE.search(content) else None
        value = json.loads(content, object_pairs_hook=_unique, parse_int=hook)
    except EvidenceFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise EvidenceFormatError(f"not JSON: {error}") from None
    survey(value)
    return value


def read(content: bytes) -> Any:
    """Read JSON that was checked when it was written, such as a stored statement.

    As `parse` reads it, numbers included, but fast and without its checks. Raises ValueError.
    """
    value = orjson.loads(content)
    try:
        packed = _encode(value)  # an integer of 2**32 and more is one of these bytes and eight more
        large = b"\xcf" in packed or b"\xd3" in packed
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        large = True
    if large and _LARGE.search(content):
        return json.loads(content, parse_int=_as_double)
    return value


def _as_double(digits: str) -> int | float:
    """An integer below 2**53, a float from there on."""
    if len(digits) > _DIGITS + 1:
        return float(digits)
    whole = int(digits)
    return whole if -EXACT < whole < EXACT else float(whole)


def _integer(digits: str) -> int | float:
    """The same, where the digits are those that RFC 8785 writes; raises EvidenceFormatError."""
    if len(digits.removeprefix("-")) <= _DIGITS:
        number = _as_double(digits)
        if isinstance(number, int) or canonical(number) == digits.encode():
            return number
    raise EvidenceFormatError(
        "evidence cannot hold an integer of 2**53 or more",
        got=f"one of {len(digits)} digits",
        expected="an integer below 2**53, or the digits of a float as RFC 8785 writes it",
        next_step="write it as text, or as a float",
    )


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
