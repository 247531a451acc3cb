"""An alarm: something that is wrong now, which nobody stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.records import Subject
from aims_mlops.operations.nonconformity import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that is wrong now.

    key : what makes it the same alarm when it is looked for again.  what : one or two words, such
    as `missed-run`.  since : RFC 3339.  tell : names of recipients; None is every one.
    told_by : sequence of the record that says so; None for what is so now, whoever looks.
    """

    key: str
    what: str
    severity: Severity
    system: str | None
    reason: str
    next_step: str
    since: str
    subjects: tuple[Subject, ...]
    tell: tuple[str, ...] | None = None
    told_by: int | None = None

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        return {
            "key": self.key,
            "what": self.what,
            "severity": self.severity,
            "system": self.system,
            "reason": self.reason,
            "next_step": self.next_step,
            "since": self.since,
        }
