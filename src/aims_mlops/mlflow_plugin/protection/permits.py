"""What the gate has allowed this very write to change, for the backstop below the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Permit = tuple[str, str, str, str]  # kind, registered name, key case-folded, version

_permits: ContextVar[frozenset[Permit]] = ContextVar("aims_permits", default=frozenset())


@contextmanager
def permitted(*permits: Permit) -> Iterator[None]:
    """Let these changes pass the backstop for as long as the block lasts, in this thread."""
    token = _permits.set(_permits.get() | frozenset(permits))
    try:
        yield
    finally:
        _permits.reset(token)


def is_permitted(kind: str, name: str, key: str, version: object) -> bool:
    """Whether the gate allowed this change; an empty version in a permit stands for any."""
    folded = key.casefold()
    held = _permits.get()
    return (kind, name, folded, str(version)) in held or (kind, name, folded, "") in held


def permits() -> frozenset[Permit]:
    """Every permit that this thread holds."""
    return _permits.get()
