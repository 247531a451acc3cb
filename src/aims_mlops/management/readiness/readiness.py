"""Each of the 55 requirements held against the log, by clause and by owner. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aims_mlops.evidence.bodies.management import AssignmentBody
from aims_mlops.evidence.clock import stamp
from aims_mlops.management.readiness import by_checking, by_documents, by_log, by_people
from aims_mlops.management.readiness.checks import (
    STATES,
    Found,
    State,
    document,
    entries,
    met,
    missing,
    partly,
)
from aims_mlops.management.readiness.picture import Picture
from aims_mlops.management.readiness.requirements import REQUIREMENTS, YEAR, Requirement

FORMAT = "aims-readiness/1"


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement as it stands. owner : ids of people.  due : a day, or empty."""

    requirement: Requirement
    found: Found
    owners: tuple[str, ...]
    due: str
    overdue: bool

    @property
    def state(self) -> State:
        """met, in part, out of date, open or not applicable."""
        return self.found.state

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        until = self.found.until
        return {
            "id": self.requirement.id,
            "clause": self.requirement.clause,
            "listed": self.requirement.listed,
            "requirement": self.requirement.words,
            "shown_by": self.requirement.shown,
            "state": self.state,
            "why": self.found.why,
            "records": list(self.found.records),
            "owners": list(self.owners),
            "due": self.due or None,
            "overdue": self.overdue,
            "until": None if until is None else stamp(until),
            "next_step": self.found.next_step or None,
        }


@dataclass(frozen=True, slots=True)
class Readiness:
    """Every row, at one moment. size : records of the log that were looked at."""

    rows: tuple[Row, ...]
    at: datetime
    size: int

    @property
    def states(self) -> dict[State, int]:
        """How many rows are in which state."""
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in STATES}

    def row(self, id_: str) -> Row:
        """The row of a requirement, such as R15; raises KeyError."""
        return next(row for row in self.rows if row.requirement.id == id_)

    def by_clause(self) -> dict[str, list[Row]]:
        """Main clause, 4 to 10 -> its rows."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.requirement.main_clause, []).append(row)
        return found

    def by_owner(self) -> dict[str, list[Row]]:
        """Person -> rows that are not met; under '' those that nobody answers for."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.state in ("met", "not applicable"):
                continue
            for owner in row.owners or ("",):
                found.setdefault(owner, []).append(row)
        return found

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`; docs/readiness.md promises these fields."""
        return {
            "format": FORMAT,
            "at": stamp(self.at),
            "records": self.size,
            "states": dict(self.states),
            "rows": [row.to_body() for row in self.rows],
        }


def judge(picture: Picture) -> Readiness:
    """Hold every requirement against what the log and aims.yaml say."""
    found: dict[str, Found] = {}
    for requirement in REQUIREMENTS:
        if requirement.id != "R07":
            found[requirement.id] = _RULES[requirement.id](picture)
    found["R07"] = _established(found)
    assigned = _assignments(picture)
    rows = []
    for requirement in REQUIREMENTS:
        owners, due = assigned.get(requirement.id, ((), ""))
        result = found[requirement.id]
        ends = result.until
        done = result.state in ("met", "not applicable")
        day = due if due and not done else "" if ends is None else ends.date().isoformat()
        late = bool(due) and not done and due < picture.now.date().isoformat()
        rows.append(Row(requirement, result, owners or _holders(picture, requirement), day, late))
    return Readiness(tuple(rows), picture.now, picture.size)


def _established(found: Mapping[str, Found]) -> Found:
    """R07: the rest of the picture, all of it."""
    counted = [one.state for one in found.values() if one.state != "not applicable"]
    good = sum(state == "met" for state in counted)
    words = f"{good} of {len(counted)} other requirements are met"
    if good == len(counted):
        return met(words)
    step = "aims readiness"
    return partly(words, step) if 2 * good >= len(counted) else missing(words, step)


def _assignments(picture: Picture) -> dict[str, tuple[tuple[str, ...], str]]:
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for entry in picture.register.open("assignment"):
        body = entry.body
        if isinstance(body, AssignmentBody) and body.owner:
            found[str(body.requirement)] = ((body.owner,), body.due or "")
    return found


def _holders(picture: Picture, requirement: Requirement) -> tuple[str, ...]:
    if requirement.role == "owner":
        known = {person.id for person in picture.people}
        owners = (system.owner for system in picture.systems)
        return tuple(dict.fromkeys(owner for owner in owners if owner in known))
    return tuple(person.id for person in picture.holders(requirement.role))


_RULES: Mapping[str, Callable[[Picture], Found]] = {
    "R01": lambda p: document(p, "context", every=YEAR),
    "R02": by_people.issues_judged,
    "R03": lambda p: entries(p, "interested-party", every=YEAR),
    "R04": by_people.requirements_addressed,
    "R05": by_people.scope,
    "R06": by_people.scope_available,
    "R08": by_people.leadership,
    "R09": by_people.responsible_use,
    "R10": by_people.policy,
    "R11": by_people.policy_known,
    "R12": by_people.roles,
    "R13": by_people.reporting,
    "R14": by_people.risk_process,
    "R15": by_people.risks_assessed,
    "R16": by_people.risk_criteria,
    "R17": by_people.risks_kept,
    "R18": by_people.treatment,
    "R19": by_people.residual_accepted,
    "R20": by_people.objectives,
    "R21": by_people.plans,
    "R22": by_people.changes,
    "R23": by_people.resources,
    "R24": by_people.competent,
    "R25": by_people.needed,
    "R26": by_people.awareness,
    "R27": by_people.communications,
    "R28": by_documents.documents,
    "R29": by_documents.documents_described,
    "R30": by_documents.documents_controlled,
    "R31": by_log.operation,
    "R32": by_log.assessment_process,
    "R33": by_log.assessed_before,
    "R34": by_log.assessments_kept,
    "R35": by_log.life_cycle,
    "R36": by_log.described,
    "R37": by_log.data,
    "R38": by_log.bias,
    "R39": by_log.roles_of_organisation,
    "R40": by_log.suppliers,
    "R41": by_log.disclosure,
    "R42": by_log.measured_how,
    "R43": by_log.monitored,
    "R44": by_log.against_objectives,
    "R45": by_checking.audits,
    "R46": lambda p: document(p, "audit-programme", every=YEAR),
    "R47": by_checking.audits_reported,
    "R48": by_checking.reviews,
    "R49": by_checking.review_inputs,
    "R50": by_checking.review_results,
    "R51": by_checking.improvements,
    "R52": by_log.nonconformities,
    "R53": by_log.corrective_action,
    "R54": by_log.corrections_kept,
    "R55": by_checking.improved,
}
