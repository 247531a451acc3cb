"""Whether the time at which the log received its records runs forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aims_verify.findings import Findings
from aims_verify.record import CLOCK_CHANGE

TOLERANCE = timedelta(minutes=1)  # by which clocks of several writers may differ
WIDTH = len("2026-11-21T09:30:00.000000Z")


class Clock:
    """Takes the times of records in order; a record of a clock set back begins anew."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._latest = ""
        self._moment: datetime | None = None

    def take(self, sequence: int, received: str, kind: str) -> None:
        """The next record."""
        moment = _read(received)
        if moment is None:
            self._findings.fail("a record's time of receipt is no time", f"record {sequence}")
            return
        if self._moment is not None and moment < self._moment and kind != CLOCK_CHANGE:
            if moment < self._moment - TOLERANCE:
                self._findings.fail(
                    "time runs backward: a record was received before one that stands earlier",
                    f"record {sequence} ({received[:10]} after {self._latest[:10]})",
                )
            return
        self._latest, self._moment = received, moment


def _read(text: str) -> datetime | None:
    if len(text) != WIDTH or text[-1] != "Z" or text[10] != "T":
        return None
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    except ValueError:
        return None
