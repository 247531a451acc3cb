"""One thing that the gate looked at, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from aims_mlops.policy.grammar import Severity

Outcome = Literal["pass", "fail", "insufficient", "missing", "stale", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule held against the evidence.

    rule : id of the rule.  observed, limit : in words.  next_step : what to do about it.
    severity : for people.  blocking : for the gate; the two are separate ideas.
    controls : Annex A controls that the rule supports.
    waived_by : id of the waiver's record, if a standing waiver sets the rule aside.
    tolerated : too little data, which the rule lets pass (it is shown all the same).
    """

    rule: str
    outcome: Outcome
    observed: str
    limit: str
    next_step: str
    severity: Severity = "major"
    blocking: bool = True
    controls: tuple[str, ...] = ()
    waived_by: str | None = None
    tolerated: bool = False

    @property
    def refuses(self) -> bool:
        """Whether this alone is enough to refuse."""
        return (
            self.outcome != "pass"
            and self.blocking
            and self.waived_by is None
            and not self.tolerated
        )

    def to_body(self) -> dict[str, Any]:
        """As JSON values, for the decision's record."""
        return {**asdict(self), "controls": list(self.controls), "refuses": self.refuses}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A plugin's reason to refuse; a plugin has no way to allow.

    plugin : set by the gate, whatever the plugin says.
    """

    rule: str
    observed: str
    next_step: str
    limit: str = "no objection of a plugin"
    severity: Severity = "major"
    plugin: str = "unknown"
