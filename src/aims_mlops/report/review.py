"""The inputs of a management review (ISO/IEC 42001:2023, 9.3.2), from the log. Pure.

Nothing here depends on the time at which it is asked: the same records, period and people of
aims.yaml give the same bytes, so that a digest can stand for what top management looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.management.objectives import reached
from aims_mlops.management.registers.entry import Entry, day_of
from aims_mlops.management.registers.register import Register
from aims_mlops.management.reviews.pack import FORMAT
from aims_mlops.operations import incident, nonconformity
from aims_mlops.report.render import page, reading
from aims_mlops.report.render.one_line import plural
from aims_mlops.report.render.visible import one_line

# Input -> title, and the fields that a page shows.
SECTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "actions": (
        "Actions of earlier reviews",
        ("review", "action", "owner", "due", "done", "state"),
    ),
    "issues": (
        "Changes in external and internal issues",
        ("register", "id", "title", "version", "state", "change"),
    ),
    "parties": (
        "Interested parties, and what they told us",
        ("register", "id", "title", "state", "change"),
    ),
    "nonconformities": (
        "Nonconformities and corrective actions",
        ("what", "system", "severity", "state", "owner", "due", "overdue"),
    ),
    "incidents": ("Incidents", ("title", "system", "severity", "state", "affected")),
    "monitoring": (
        "Results of monitoring",
        ("system", "monitor", "stage", "measured", "no_data", "failed", "late", "findings"),
    ),
    "objectives": (
        "Objectives",
        ("id", "title", "measure", "target", "value", "by_hand", "met", "state"),
    ),
    "audits": (
        "Results of audits",
        ("id", "title", "performed", "auditor", "major", "minor", "observation", "reported_to"),
    ),
    "risks": (
        "Risks",
        ("id", "title", "owner", "treatment", "before", "after", "state", "overdue"),
    ),
    "improvements": ("Chances to improve", ("id", "title", "proposal", "due", "result", "state")),
}
_CONTEXT = ("context", "scope")


def review(
    records: Sequence[Record],
    register: Register,
    *,
    log: str,
    first: str | None,
    last: str | None,
) -> dict[str, Any]:
    """The inputs as JSON values.

    records : those that the log had received before `last`, in its order.  register : folded from
    the same.  log : id of the log.  first, last : RFC 3339, [first, last); None for all.
    """
    until = last or (records[-1].received_at if records else None)
    period = _Period(first, until)
    return {
        "format": FORMAT,
        "log": log,
        "size": len(records),
        "last": records[-1].id if records else None,
        "from": first,
        "before": last,
        "inputs": {
            "actions": list(_actions(register, period)),
            "issues": list(_issues(register, period)),
            "parties": list(_parties(register, period)),
            "nonconformities": list(_nonconformities(records, period)),
            "incidents": list(_incidents(records, period)),
            "monitoring": list(_monitoring(records, period)),
            "objectives": list(_objectives(register, records, period)),
            "audits": list(_audits(register, period)),
            "risks": list(_risks(register, period)),
            "improvements": list(_improvements(register, period)),
        },
    }


class _Period:
    def __init__(self, first: str | None, until: str | None) -> None:
        self.first = first
        self.now: datetime | None = None if until is None else parse(until)

    def has(self, received_at: str) -> bool:
        return self.first is None or received_at >= self.first

    def matters(self, entry: Entry) -> bool:
        """What is open, and what was closed in the period."""
        return entry.is_open or self.has(entry.changed_at)

    def past(self, day: str | None) -> bool:
        found = day_of(day)
        return found is not None and self.now is not None and found < self.now.date()

    def change(self, entry: Entry) -> str | None:
        """What became of an entry in the period; None for nothing."""
        if not self.has(entry.changed_at):
            return None
        if entry.is_closed:
            return "closed"
        return "new" if self.has(entry.opened_at) else "changed"


def _actions(register: Register, period: _Period) -> Iterator[dict[str, Any]]:
    for entry in register.of_register("management-review"):
        if entry.is_closed and period.change(entry) is None:
            continue
        for action in reading.sequence(entry.body.raw, "actions"):
            if not isinstance(action, Mapping):
                continue
            done, due = reading.string(action, "done"), reading.string(action, "due")
            if done and period.first is not None and done < period.first[:10]:
                continue
            late = not done and period.past(due)
            yield {
                "review": entry.id,
                "action": reading.string(action, "action"),
                "owner": reading.string(action, "owner"),
                "due": due,
                "done": done,
                "state": "done" if done else "overdue" if late else "open",
                "records": [entry.latest.id],
            }


def _issues(register: Register, period: _Period) -> Iterator[dict[str, Any]]:
    for entry in (*register.of_register("document"), *register.of_register("aims-change")):
        type_ = str(getattr(entry.body, "type", None) or "")
        if entry.register == "document" and type_ not in _CONTEXT:
            continue
        if entry.is_closed and period.change(entry) is None:
            continue
        version = getattr(entry.body, "version", None)
        yield _entry(entry) | {"version": version, "change": period.change(entry) or "none"}


def _parties(register: Register, period: _Period) -> Iterator[dict[str, Any]]:
    for entry in register.of_register("interested-party"):
        change = period.change(entry)
        if entry.is_open or change:
            yield _entry(entry) | {"change": change or "none"}
    for entry in register.of_register("concern"):
        change = period.change(entry)
        if entry.is_open or change:
            # What was said, and by whom, stays where it is protected.
            yield _entry(entry) | {"title": None, "change": change or "none"}


def _nonconformities(records: Sequence[Record], period: _Period) -> Iterator[dict[str, Any]]:
    for found in nonconformity.fold(records):
        if not found.is_open and not period.has(found.steps[-1].received_at):
            continue
        yield {
            "what": found.what,
            "system": found.system,
            "severity": found.severity,
            "state": found.state,
            "reason": found.reason,
            "owner": found.owner,
            "due": found.due[:10],
            "overdue": period.now is not None and found.is_overdue(period.now),
            "opened_at": found.opened.received_at,
            "corrective_action": found.corrective_action,
            "records": [record.id for record in found.steps],
        }


def _incidents(records: Sequence[Record], period: _Period) -> Iterator[dict[str, Any]]:
    for found in incident.fold(records):
        if not found.is_open and not period.has(found.steps[-1].received_at):
            continue
        yield {
            "title": found.title,
            "system": found.system,
            "severity": found.severity,
            "state": found.state,
            "affected": found.affected,
            "records": [record.id for record in found.steps],
        }


def _monitoring(records: Sequence[Record], period: _Period) -> Iterator[dict[str, Any]]:
    windows: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.evidence.kind == "monitoring-run" and period.has(record.received_at):
            body = record.evidence.body
            named = (reading.string(body, "monitor") or "", reading.string(body, "stage") or "")
            windows[record.evidence.system or "", *named].append(record)
    for (system, monitor, stage), runs in sorted(windows.items()):
        bodies = [record.evidence.body for record in runs]
        outcomes = [body.get("outcome") for body in bodies]
        yield {
            "system": system,
            "monitor": monitor,
            "stage": stage,
            "measured": outcomes.count("measured"),
            "no_data": outcomes.count("no data"),
            "failed": outcomes.count("failed"),
            "late": sum(body.get("late") is True for body in bodies),
            "findings": sum(len(reading.sequence(body, "findings")) for body in bodies),
            "records": [record.id for record in runs],
        }


def _objectives(
    register: Register, records: Sequence[Record], period: _Period
) -> Iterator[dict[str, Any]]:
    for entry in filter(period.matters, register.of_register("objective")):
        found = reached(entry, records)
        yield _entry(entry) | {
            "measure": getattr(entry.body, "measure", None),
            "target": getattr(entry.body, "target", None),
            "value": found.value,
            "by_hand": found.by_hand,
            "met": found.met,
            "overdue": entry.is_open and period.past(entry.due),
            "records": [entry.latest.id, *([found.record.id] if found.record else [])],
        }


def _audits(register: Register, period: _Period) -> Iterator[dict[str, Any]]:
    for entry in register.of_register("audit"):
        if entry.is_closed and period.change(entry) is None:
            continue
        raw = entry.body.raw
        findings = [one for one in reading.sequence(raw, "findings") if isinstance(one, Mapping)]
        grades = [one.get("grade") for one in findings]
        yield _entry(entry) | {
            "performed": reading.string(raw, "performed"),
            "auditor": reading.string(raw, "auditor"),
            **{grade: grades.count(grade) for grade in ("major", "minor", "observation")},
            "nonconformities": [reading.string(one, "nonconformity") for one in findings],
            "reported_to": list(reading.texts(raw, "reported_to")),
        }


def _risks(register: Register, period: _Period) -> Iterator[dict[str, Any]]:
    for entry in filter(period.matters, register.of_register("risk")):
        raw = entry.body.raw
        yield _entry(entry) | {
            "owner": entry.owner,
            "treatment": reading.string(raw, "treatment"),
            "before": _level(reading.mapping(raw, "before")),
            "after": _level(reading.mapping(raw, "after")),
            "accepted_by": entry.approved_by,
            "overdue": entry.is_open and (period.past(entry.due) or period.past(entry.review)),
        }


def _improvements(register: Register, period: _Period) -> Iterator[dict[str, Any]]:
    for entry in filter(period.matters, register.of_register("improvement")):
        raw = entry.body.raw
        yield _entry(entry) | {
            "proposal": reading.string(raw, "proposal"),
            "due": entry.due,
            "result": reading.string(raw, "result"),
        }


def _level(estimate: Mapping[str, Any]) -> int | None:
    """Likelihood times impact."""
    likelihood, impact = reading.count(estimate, "likelihood"), reading.count(estimate, "impact")
    return None if likelihood is None or impact is None else likelihood * impact


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "register": entry.register,
        "id": entry.id,
        "title": entry.title,
        "state": entry.state,
        "records": [entry.latest.id],
    }


def sections(body: Mapping[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, head and rows of each input, whatever the body of a pack holds."""
    inputs = reading.mapping(body, "inputs")
    found = []
    for name, (title, fields) in SECTIONS.items():
        rows = [row for row in reading.sequence(inputs, name) if isinstance(row, Mapping)]
        head = [field.replace("_", " ") for field in fields]
        found.append((title, head, [[_cell(row.get(field)) for field in fields] for row in rows]))
    return found


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value)) or "–"
    return reading.text(value) or "–"


def title(body: Mapping[str, Any]) -> str:
    """Period and place in the log, for people."""
    first, last = reading.string(body, "from"), reading.string(body, "before")
    size = reading.count(body, "size") or 0
    since = f"from {first[:10]}" if first else "from the beginning"
    return f"{since}, {f'before {last[:10]}' if last else 'all of it'}; {plural(size, 'record')}"


def as_text(body: Mapping[str, Any], sha256: str) -> str:
    """How many rows each input has, and the digest."""
    out = [f"Inputs of a management review, {title(body)}."]
    for name, head, rows in sections(body):
        out.append(f"{name}: {len(rows) or 'nothing on record'}")
        out += [
            "  - " + "; ".join(f"{h} {c}" for h, c in zip(head, row, strict=True) if c != "–")
            for row in rows
        ]
    out += [
        f"Frozen as SHA-256 {sha256}",
        "Next: name it as `pack` in the entry: aims record add --template management-review",
    ]
    return "\n".join(one_line(line) for line in out)


def as_html(body: Mapping[str, Any], sha256: str, *, single_user: bool = False) -> str:
    """One self-contained page."""
    return page.html(
        "review.html.j2",
        single_user=single_user,
        title=title(body),
        sections=sections(body),
        sha256=sha256,
    )
