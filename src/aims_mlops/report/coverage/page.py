"""Control coverage as a page, as text for a terminal and as JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aims_mlops.evidence.controls import ControlClass
from aims_mlops.evidence.records import Record
from aims_mlops.report.coverage.coverage import (
    PERSONAL,
    ControlCoverage,
    Coverage,
    anchoring,
    state_sentence,
)
from aims_mlops.report.render import page
from aims_mlops.report.render.one_line import moment, plural, summarise
from aims_mlops.report.render.visible import one_line

FORMAT = "aims-coverage/1"
SHOWN = 5  # newest records named for a control; the rest are in the store

CLASS_NAMES: dict[ControlClass, str] = {
    "machine": "machine-evidenced",
    "partly": "partly",
    "organisational": "organisational",
}

_CLAUSES = {
    "A.2": "A.2 Policies related to AI",
    "A.3": "A.3 Internal organization",
    "A.4": "A.4 Resources for AI systems",
    "A.5": "A.5 Assessing impacts of AI systems",
    "A.6": "A.6 AI system life cycle",
    "A.7": "A.7 Data for AI systems",
    "A.8": "A.8 Information for interested parties",
    "A.9": "A.9 Use of AI systems",
    "A.10": "A.10 Third-party and customer relationships",
}


def as_html(coverage: Coverage, *, single_user: bool = False) -> str:
    """One self-contained page."""
    clauses: dict[str, list[ControlCoverage]] = {}
    for row in coverage.controls:
        clause = ".".join(row.control.id.split(".")[:2])
        clauses.setdefault(_CLAUSES[clause], []).append(row)
    return page.html(
        "coverage.html.j2",
        single_user=single_user,
        coverage=coverage,
        clauses=clauses,
        class_names=CLASS_NAMES,
        anchoring=anchoring(coverage.log, coverage.anchored),
        personal=PERSONAL,
        by_kind=_by_kind,
        shown=SHOWN,
        named=[coverage.in_full(record) for record in _named(coverage)],
    )


def headline(coverage: Coverage) -> str:
    """What the report is about, and how many controls are in which state, in two lines."""
    where = f"system {coverage.system}" if coverage.system else "every system in the store"
    return (
        f"Control coverage of {one_line(where)}, {moment(coverage.made_at)}\n"
        f"{plural(coverage.records, 'evidence record')}: {state_sentence(coverage)}."
    )


def as_table(coverage: Coverage) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Head and rows of the controls, for a spreadsheet."""
    head = ("control", "title", "class", "state", "records", "newest", "received", "missing")
    rows: list[Sequence[object]] = []
    for row in coverage.controls:
        newest = row.newest
        rows.append(
            (
                row.control.id,
                row.control.title,
                CLASS_NAMES[row.control.klass],
                row.state,
                len(row.evidence),
                newest.id if newest is not None else "",
                newest.received_at if newest is not None else "",
                "; ".join(f"{s.words}. Next: {s.next_step}" for s in row.shortfalls),
            )
        )
    return head, rows


def as_text(coverage: Coverage, width: int = 100) -> str:
    """Plain text, at most `width` columns wide where words allow."""
    out = [
        headline(coverage),
        *_log_lines(coverage),
        "",
        f"{'CONTROL':<9}{'CLASS':<19}{'STATE':<25}{'RECORDS':>7}  {'NEWEST':<14}{'AGE':<16}ASKED",
    ]
    out += [_line(row) for row in coverage.controls]
    for row in coverage.controls:
        if row.control.klass == "organisational":
            continue
        if row.shortfalls:
            out += ["", f"{row.control.id} {row.control.title}"]
            for s in row.shortfalls:
                text = f"- {s.words} -> {s.next_step}"
                out += textwrap.wrap(
                    one_line(text), width, initial_indent="  ", subsequent_indent="    "
                )
    for row in coverage.controls:
        for one in row.declared:
            text = f"Declared by a person for {row.control.id}: {one.register} {one.id}, {one.why}."
            out += textwrap.wrap(one_line(text), width)
    people = [row.control.id for row in coverage.controls if _owed(row)]
    text = f"Records of people, outside this store: {', '.join(people) or 'none'}."
    out += ["", *textwrap.wrap(text, width)]
    if coverage.unknown_kinds:
        kinds = ", ".join(f"{kind} ({n})" for kind, n in coverage.unknown_kinds.items())
        text = f"Kinds that this version does not know, not counted: {kinds}."
        out += textwrap.wrap(one_line(text), width)
    return "\n".join(out)


def as_json(coverage: Coverage) -> dict[str, Any]:
    """JSON values under a format name; docs/reports.md promises these fields."""
    return {
        "format": FORMAT,
        "made_at": coverage.made_at,
        "system": coverage.system,
        "records": coverage.records,
        "log": asdict(coverage.log) if coverage.log else None,
        "states": dict(coverage.states),
        "controls": [_control_json(row) for row in coverage.controls],
        "anchored_records": coverage.anchored,
        "gaps": [_brief(record) for record in coverage.gaps],
        "nonconformities": [
            _brief(found.opened)
            | {
                "what": found.what,
                "state": found.state,
                "severity": found.severity,
                "owner": found.owner,
                "due": found.due,
                "steps": [record.id for record in found.steps],
            }
            for found in coverage.nonconformities
        ],
        "monitoring": [watch.to_body() for watch in coverage.watches],
        "alarms": [alarm.to_body() for alarm in coverage.alarms],
        "unknown_kinds": coverage.unknown_kinds,
    }


def _control_json(row: ControlCoverage) -> dict[str, Any]:
    return {
        "id": row.control.id,
        "title": row.control.title,
        "class": CLASS_NAMES[row.control.klass],
        "state": row.state,
        "records": len(row.evidence),
        "kinds": dict(_by_kind(row)),
        "newest": row.newest.id if row.newest else None,
        "age_days": row.freshness.age_days,
        "asked": row.freshness.asked,
        "freshness": row.freshness.verdict,
        "claimed_not_counted": row.claimed,
        "demands": [
            {
                "words": finding.demand.words,
                "recorded": finding.met,
                "have": finding.have,
                "of": finding.of,
                "newest": finding.newest.id if finding.newest else None,
            }
            for finding in row.findings
        ],
        "missing": [{"words": s.words, "next_step": s.next_step} for s in row.shortfalls],
        "declared": [one.to_body() for one in row.declared],
    }


def _log_lines(coverage: Coverage) -> list[str]:
    log = coverage.log
    lines = []
    if log is not None:
        word = "anchored" if log.anchored else "unanchored"
        lines.append(f"Log: {plural(log.size, 'record')}, root {log.root}, {word}.")
    gaps = plural(len(coverage.gaps), "recorded capture gap")
    found = plural(len(coverage.nonconformities), "nonconformity", "nonconformities")
    still = sum(found.is_open for found in coverage.nonconformities)
    open_ = f", {still} open" if coverage.nonconformities else ""
    lines += [anchoring(log, coverage.anchored), f"{gaps}, {found} on record{open_}."]
    for watch in coverage.watches:
        lines.append(one_line(f"Monitoring: {watch.words}"))
        for gap in watch.gaps:
            told = (
                f" (nonconformity {page.short(gap.nonconformity.id)})" if gap.nonconformity else ""
            )
            lines.append(f"  - {one_line(gap.words + told)}")
    lines += [one_line(f"Wrong now: {a.what}: {a.reason}") for a in coverage.alarms]
    return lines


def _brief(record: Record) -> dict[str, Any]:
    return {"id": record.id, "received_at": record.received_at, "summary": summarise(record)}


def _line(row: ControlCoverage) -> str:
    people = row.control.klass == "organisational"
    newest = page.short(row.newest.id) if row.newest else "–"
    return (
        f"{row.control.id:<9}{CLASS_NAMES[row.control.klass]:<19}{row.state:<25}"
        f"{'–' if people else len(row.evidence):>7}  {newest:<14}"
        f"{page.age(row.freshness.age_days):<16}{row.freshness.asked}"
    )


def _by_kind(row: ControlCoverage) -> dict[str, int]:
    return dict(sorted(Counter(record.evidence.kind for record in row.evidence).items()))


def _named(coverage: Coverage) -> list[Record]:
    """Every record that the page links to, once, newest first."""
    found: dict[str, Record] = {}
    for row in coverage.controls:
        for record in row.evidence[:SHOWN]:
            found[record.id] = record
        if row.newest is not None:
            found[row.newest.id] = row.newest
        for finding in row.findings:
            if finding.newest is not None:
                found[finding.newest.id] = finding.newest
    steps = (record for one in coverage.nonconformities for record in one.steps)
    told = (gap.nonconformity for watch in coverage.watches for gap in watch.gaps)
    for record in (*coverage.gaps[:20], *steps, *filter(None, told)):
        found[record.id] = record
    return sorted(found.values(), key=lambda record: -record.sequence)


def _owed(row: ControlCoverage) -> bool:
    return row.control.klass == "organisational" and not any(one.counts for one in row.declared)
