"""Whether the time at which the log received its records runs forward."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from aims_mlops.evidence.clock import TOLERANCE, WIDTH, parse
from aims_mlops.evidence.kinds import CLOCK_CHANGE


@dataclass(slots=True)
class Times:
    """The received times of a run of records; runs are put together in their order.

    low : the earliest time before the clock was set back, if it was, with its record.
    high : the latest time since then.  reset : whether the clock was set back, on the record.
    """

    low: str = ""
    low_at: int = -1
    high: str = ""
    reset: bool = False
    failures: list[str] = field(default_factory=list)

    def take(self, sequence: int, received: object, kind: object) -> None:
        """The next record."""
        if not isinstance(received, str) or _moment(received) is None:
            self.failures.append(f"record {sequence}: the time of receipt is no time")
            return
        if kind == CLOCK_CHANGE:
            self.high, self.reset = received, True
            return
        if received >= self.high:
            self.high = received
        elif self._is_told(sequence, received, self.high):
            return
        if not self.reset and (not self.low or received < self.low):
            self.low, self.low_at = received, sequence

    def then(self, later: Times) -> None:
        """Add the run of records right after these."""
        if self.high and later.low and later.low < self.high:
            self._is_told(later.low_at, later.low, self.high)
        self.failures.extend(later.failures)
        self.high = later.high if later.reset else max(self.high, later.high)
        self.reset = self.reset or later.reset

    def _is_told(self, sequence: int, received: str, latest: str) -> bool:
        if parse(latest) - parse(received) <= TOLERANCE:
            return False
        self.failures.append(
            f"record {sequence}: time runs backward: received {received[:19]}Z, after a record of "
            f"{latest[:19]}Z"
        )
        return True


def _moment(text: str) -> datetime | None:
    if len(text) != WIDTH or text[-1] != "Z" or text[10] != "T":
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
