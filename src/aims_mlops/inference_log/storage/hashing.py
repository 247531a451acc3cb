"""What is kept of a value that must not be kept: a keyed hash, or the interval it lies in."""

from __future__ import annotations

import hashlib
import math
import os
import secrets
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aims_mlops.errors import InputError

KEY_VARIABLE = "AIMS_INFERENCE_KEY"  # 64 hex digits, the same on every machine of a system
_FILE = "hash.key"
_KEY_BYTES = 32
_HASH_BYTES = 16  # two of 1e12 values meet with a probability of 1.5e-15


def hashing_key(folder: Path) -> bytes:
    """The key of hashed features, of this machine unless $AIMS_INFERENCE_KEY names one.

    It is made when it is needed first and lies in `folder`, readable for this user only. Whoever
    has it can try values against the hashes. Raises InputError, OSError.
    """
    said = os.environ.get(KEY_VARIABLE, "").strip()
    if said:
        try:
            key = bytes.fromhex(said)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise InputError(
                f"{KEY_VARIABLE} is no key",
                got=f"{len(said)} characters",
                expected=f"{2 * _KEY_BYTES} hex digits",
                next_step="openssl rand -hex 32",
            )
        return key
    path = folder / _FILE
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = _made(path)
    if len(key) != _KEY_BYTES:
        raise InputError(
            f"{path} is no key",
            got=f"{len(key)} bytes",
            expected=f"{_KEY_BYTES}",
            next_step="restore it, or delete it to begin with a new one",
        )
    return key


def hashed(value: Any, key: bytes) -> str | None:
    """32 hex digits that only who has the key can compute; None for a missing value.

    A number hashes alike as 1, 1.0 and numpy.int64(1); the text '1' differently.
    """
    if is_missing(value):
        return None
    return hashlib.blake2b(_canonical(value), digest_size=_HASH_BYTES, key=key).hexdigest()


def bucketed(value: Any, edges: Sequence[float]) -> str | None:
    """The interval that a number lies in, such as '[18, 25)'; None for a missing value."""
    if is_missing(value):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return "not a number"
    place = bisect_right(edges, number)
    low = f"[{edges[place - 1]:g}" if place else "(-inf"
    high = f"{edges[place]:g}" if place < len(edges) else "inf"
    return f"{low}, {high})"


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, NaT, NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return type(value).__name__ in ("NAType", "NaTType")


def _canonical(value: Any) -> bytes:
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, bool):
        return b"b:1" if value else b"b:0"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int | float):
        return b"n:" + repr(value).encode()
    if isinstance(value, bytes):
        return b"x:" + value
    if isinstance(value, str):
        return b"s:" + value.encode("utf-8", "surrogatepass")
    return b"o:" + str(value).encode("utf-8", "surrogatepass")


def _made(path: Path) -> bytes:
    """A new key, written so that of two processes at once both end with the same one."""
    key = secrets.token_bytes(_KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor, for its mode
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        return path.read_bytes()
    finally:
        aside.unlink(missing_ok=True)
    return key
