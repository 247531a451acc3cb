"""Time as evidence writes it: RFC 3339, UTC, microseconds, always the same width."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=1)  # by which the clocks of several writers of a log may differ
WIDTH = len("2026-11-21T09:30:00.000000Z")


def now() -> str:
    """The current time, such as '2026-11-21T09:30:00.000000Z'."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """An aware datetime as RFC 3339 UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str) -> datetime:
    """An RFC 3339 time as an aware datetime in UTC; raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without an offset: {text!r}")
    return moment.astimezone(UTC)
