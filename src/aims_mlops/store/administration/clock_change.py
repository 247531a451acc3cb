"""Put on record that the log's clock was set back, so that it can go on from an earlier time."""

from __future__ import annotations

from aims_mlops.errors import InputError
from aims_mlops.evidence import clock
from aims_mlops.evidence.kinds import CLOCK_CHANGE
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.store.log.sql import SqlStore


def record_clock_change(store: SqlStore, *, actor: str, reason: str) -> Record:
    """The record of it; InputError if this machine's clock is not behind the newest record.

    Records after it are received from now on; verification says for ever that it happened.
    """
    newest = next(iter(store.find(newest_first=True, limit=1)), None)
    now = clock.now()
    if newest is None or now >= newest.received_at:
        raise InputError(
            "the clock is not behind the log, so there is nothing to put on record",
            got=f"{now[:19]}Z",
            expected="a time before the newest record's",
        )
    return store.append_own(
        Evidence(
            kind=CLOCK_CHANGE,
            subjects=(Subject.of_name(f"log:{store.log_id}"),),
            body={"before": newest.received_at, "after": now, "reason": reason[:1000]},
            actor=actor,
            claimed_at=now,
        )
    )
