"""Which records are meant: the days on which they were received, the controls that they support."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record

FROM = click.option(
    "--from", "first", help="Only what was received from this day (UTC) or time on."
)
UNTIL = click.option("--until", "last", help="Only until this day (UTC), all of it, or this time.")
CONTROL = click.option(
    "--control", multiple=True, help="Only what supports this Annex A control, such as A.7.4."
)


def beginning(said: str | None) -> str | None:
    """An RFC 3339 time for --from: the beginning of a day."""
    return _stamped(said, timedelta(0))


def end(said: str | None) -> str | None:
    """An RFC 3339 time for --until, which is not included: the beginning of the next day."""
    return _stamped(said, timedelta(days=1))


def known_controls(said: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of controls, spelt as the standard does; InputError for an unknown one."""
    from aims_mlops.documents.problems import did_you_mean
    from aims_mlops.evidence.controls import CONTROLS

    found = tuple(text.strip().upper() for text in said)
    for id_ in found:
        if id_ not in CONTROLS:
            hint = did_you_mean(id_, CONTROLS)
            raise InputError(
                "no such control of Annex A",
                got=repr(id_)[:40],
                expected=f"{hint}?" if hint else "such as A.7.4: aims report coverage",
            )
    return found


def is_meant(
    record: Record, first: str | None, last: str | None, controls: tuple[str, ...]
) -> bool:
    """Whether a record was received in [first, last) and supports one of the controls."""
    if first is not None and record.received_at < first:
        return False
    if last is not None and record.received_at >= last:
        return False
    return not controls or not set(controls).isdisjoint(record.evidence.controls)


def _stamped(said: str | None, whole_day: timedelta) -> str | None:
    from aims_mlops.evidence.clock import stamp

    if said is None:
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise InputError(
            "no day and no time", got=repr(said)[:40], expected="2026-11-21 or 2026-11-21T09:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return stamp(moment + (whole_day if len(said.strip()) == len("2026-11-21") else timedelta(0)))
