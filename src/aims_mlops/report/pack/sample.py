"""Promotions drawn at random in a way that anybody can draw again. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from aims_mlops.evidence.records import Record

HOW = (
    "Each promotion's place in the draw is the SHA-256 of SEED:ID as text, ID being the whole id "
    "of its record; the lowest are drawn."
)


def place(record_id: str, seed: str) -> str:
    """A promotion's place in the draw: SHA-256 (hex) of `seed:id`."""
    return hashlib.sha256(f"{seed}:{record_id}".encode()).hexdigest()


def drawn(promotions: Iterable[Record], number: int, seed: str) -> tuple[Record, ...]:
    """So many promotions, in the order of the log; all of them where there are not more."""
    chosen = sorted(promotions, key=lambda record: place(record.id, seed))[:number]
    return tuple(sorted(chosen, key=lambda record: record.sequence))
