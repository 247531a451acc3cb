"""The id of a request: given by whoever asks, else made here, and told to the code around it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_given: ContextVar[str | None] = ContextVar("aims_given_request_id", default=None)
_last: ContextVar[str | None] = ContextVar("aims_last_request_id", default=None)


def request_id() -> str | None:
    """The id of the last monitored call in this context, by which its labels are joined later.

    None before the first one. A call that was awaited in a task of its own is not in this context.
    """
    return _last.get()


@contextmanager
def use_request_id(id_: str) -> Iterator[None]:
    """Monitored calls inside the block are logged under this id."""
    token = _given.set(id_)
    try:
        yield
    finally:
        _given.reset(token)


def begin(id_: str | None) -> str:
    """The id for a call that begins now: the one given, else the block's, else a new one."""
    found = id_ or _given.get() or new_id()
    _last.set(found)
    return found


def new_id() -> str:
    """A new id in the form of a UUID of version 7 (RFC 9562): it sorts by time, to the ms."""
    value = int.from_bytes(os.urandom(10), "big")
    text = f"{time.time_ns() // 1_000_000:012x}{0x7000 | value >> 68:04x}"
    text += f"{0x8000000000000000 | value & 0x3FFFFFFFFFFFFFFF:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_sampled(id_: str, share: float, seed: str) -> bool:
    """Whether a request is among the share that is kept; the same id and seed, the same answer."""
    if share >= 1.0:
        return True
    digest = hashlib.blake2b(f"{seed}\0{id_}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64
