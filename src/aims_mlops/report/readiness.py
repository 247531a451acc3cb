"""Readiness as text for a terminal, as a page, as JSON and as rows of a spreadsheet."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.clock import stamp
from aims_mlops.management.readiness.checks import STATES, State
from aims_mlops.management.readiness.gaps import TITLES, Gap
from aims_mlops.management.readiness.path import Stage, asked_first, first_days
from aims_mlops.management.readiness.readiness import Readiness, Row
from aims_mlops.report.render import page
from aims_mlops.report.render.one_line import plural
from aims_mlops.report.render.visible import one_line

CLAUSES = {
    "4": "4 Context of the organisation",
    "5": "5 Leadership",
    "6": "6 Planning",
    "7": "7 Support",
    "8": "8 Operation",
    "9": "9 Performance evaluation",
    "10": "10 Improvement",
}
DISCLAIMER = (
    "What the log and aims.yaml show, held against clauses 4 to 10. Whether the management system "
    "meets the standard is for the organisation and its auditor to judge; this supports that "
    "judgement and does not replace it."
)
HEAD: Sequence[str] = (
    "id", "clause", "listed", "requirement", "state", "why", "owners", "due", "next step",
    "records",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picked:
    """What of the readiness is shown. owner, clause : None for all; trend : earlier moments."""

    readiness: Readiness
    stage: Stage
    gaps: tuple[Gap, ...] = ()
    trend: tuple[Readiness, ...] = ()
    owner: str | None = None
    clause: str | None = None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that were asked for."""
        return tuple(
            row
            for row in self.readiness.rows
            if (self.owner is None or self.owner in row.owners)
            and (self.clause is None or _of_clause(row, self.clause))
        )

    @property
    def clauses(self) -> dict[str, list[Row]]:
        """Title of a clause -> its rows."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(CLAUSES[row.requirement.main_clause], []).append(row)
        return found

    @property
    def states(self) -> dict[State, int]:
        """How many of the rows shown are in which state."""
        return {state: sum(row.state == state for row in self.rows) for state in STATES}


def headline(picked: Picked) -> str:
    """When, and how many rows are in which state, in two lines."""
    said = ", ".join(f"{n} {state}" for state, n in picked.states.items() if n)
    at = stamp(picked.readiness.at)[:10]
    records = plural(picked.readiness.size, "record")
    return f"Readiness on {at}, from {records}: {said or 'no row'}.\n{stage_sentence(picked.stage)}"


def stage_sentence(stage: Stage) -> str:
    """Where the log shows the organisation."""
    if stage.next is None:
        return f"Where the log shows you: {stage.name}."
    left = f"; for {stage.next!r} {plural(len(stage.lacking), 'row')} are not met"
    return f"Where the log shows you: {stage.name}{left if stage.lacking else ''}."


def as_text(picked: Picked, width: int = 100) -> str:
    """Plain text, at most `width` columns wide where words allow."""
    out = [headline(picked), "", f"{'ROW':<5}{'CLAUSE':<16}{'STATE':<16}{'DUE':<12}OWNER"]
    for row in picked.rows:
        owners = one_line(", ".join(row.owners) or "-")
        due = f"{row.due or '-'}{'!' if row.overdue else ''}"
        said = row.requirement
        out.append(f"{said.id:<5}{said.clause:<16}{row.state:<16}{due:<12}{owners}")
        out += _wrapped(f"{said.words}: {row.found.why}", width)
        if row.found.next_step:
            out += _wrapped(f"Next: {row.found.next_step}", width)
    plan = first_days(picked.readiness)
    if plan and picked.owner is None and picked.clause is None:
        out += ["", "The first ninety days:"]
        for day, words, rows in plan:
            ids = ", ".join(row.requirement.id for row in rows)
            out += _wrapped(f"by day {day}: {words} ({ids})", width)
        asked = ", ".join(row.requirement.id for row in asked_first(picked.readiness))
        if asked:
            out += ["", *textwrap.wrap(f"What an auditor will ask first: {asked}.", width)]
    if picked.trend:
        out += ["", f"{'DATE':<12}" + "".join(f"{state.upper():<16}" for state in STATES)]
        for past in (*picked.trend, picked.readiness):
            counts = "".join(f"{n:<16}" for n in past.states.values())
            out.append(f"{stamp(past.at)[:10]:<12}{counts}".rstrip())
    return "\n".join([*out, "", *textwrap.wrap(DISCLAIMER, width)])


def gaps_as_text(gaps: Iterable[Gap], width: int = 100) -> str:
    """The five gaps, each with what was found."""
    found = list(gaps)
    out: list[str] = []
    for number, title in TITLES.items():
        mine = [gap for gap in found if gap.number == number]
        out.append(f"{number} {title}: {plural(len(mine), 'finding') if mine else 'none found'}")
        for gap in mine:
            record = f" [{gap.record[:8]}]" if gap.record else ""
            out += _wrapped(f"- {gap.words}{record}", width)
            out += _wrapped(f"  Next: {gap.next_step}", width)
    return "\n".join(out)


def as_json(picked: Picked) -> dict[str, Any]:
    """JSON values; docs/readiness.md promises these fields."""
    body = picked.readiness.to_body()
    return {
        **body,
        "states": dict(picked.states),
        "rows": [row.to_body() for row in picked.rows],
        "stage": {
            "name": picked.stage.name,
            "next": picked.stage.next,
            "lacking": [row.requirement.id for row in picked.stage.lacking],
        },
        "first_days": [
            {"day": day, "words": words, "rows": [row.requirement.id for row in rows]}
            for day, words, rows in first_days(picked.readiness)
        ],
        "asked_first": [row.requirement.id for row in asked_first(picked.readiness)],
        "gaps": [gap.to_body() for gap in picked.gaps],
        "trend": [
            {"at": stamp(past.at), "states": dict(past.states)}
            for past in (*picked.trend, picked.readiness)
        ],
    }


def as_html(picked: Picked, *, single_user: bool = False) -> str:
    """One self-contained page."""
    return page.html(
        "readiness.html.j2",
        single_user=single_user,
        picked=picked,
        at=stamp(picked.readiness.at),
        stage=stage_sentence(picked.stage),
        plan=first_days(picked.readiness),
        asked=asked_first(picked.readiness),
        titles=TITLES,
        states=STATES,
        disclaimer=DISCLAIMER,
    )


def as_rows(picked: Picked) -> Iterable[Sequence[str]]:
    """Rows of a spreadsheet, in the order of HEAD."""
    return [
        (
            row.requirement.id,
            row.requirement.clause,
            row.requirement.listed,
            row.requirement.words,
            row.state,
            row.found.why,
            ", ".join(row.owners),
            row.due,
            row.found.next_step,
            "\n".join(row.found.records),
        )
        for row in picked.rows
    ]


def _of_clause(row: Row, clause: str) -> bool:
    said = row.requirement.clause
    return row.requirement.main_clause == clause or any(
        part == clause or part.startswith(f"{clause}.") for part in said.split(", ")
    )


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(one_line(text), width, initial_indent="     ", subsequent_indent="     ")
