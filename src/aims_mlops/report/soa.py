"""A Statement of Applicability: the organisation's choices beside what the evidence supports.

A skeleton for ISO/IEC 42001:2023, 6.1.3: choices and justifications come from people alone, the
state of evidence from the log alone, and neither is ever derived from the other.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aims_mlops.report.coverage.applicability import Applicability, Choice
from aims_mlops.report.coverage.coverage import ControlCoverage, Coverage
from aims_mlops.report.coverage.page import CLASS_NAMES
from aims_mlops.report.render import page
from aims_mlops.report.render.csv_cell import cell
from aims_mlops.report.render.one_line import plural
from aims_mlops.report.render.visible import one_line
from aims_mlops.report.soa_versions import Approved

FORMAT = "aims-soa/1"
Answer = Literal["applicable", "not applicable", "not decided"]

_HEAD = (
    "control",
    "title",
    "applicable",
    "justification",
    "reference",
    "class",
    "evidence",
    "records",
    "newest record",
    "age in days",
    "how implemented",
    "responsible",
    "status",
    "declared by persons",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One control: what people chose, and what the evidence amounts to."""

    choice: Choice
    coverage: ControlCoverage

    @property
    def answer(self) -> Answer:
        """Applicable or not."""
        if self.choice.applicable is None:
            return "not decided"
        return "applicable" if self.choice.applicable else "not applicable"

    @property
    def open(self) -> str | None:
        """What the organisation still owes this row."""
        if self.choice.applicable is None:
            return "decide whether it is applicable"
        if not self.choice.justification.strip():
            return "give the justification"
        return None


@dataclass(frozen=True, slots=True)
class Statement:
    """All 38 rows. `source` is the file of the choices, None if there is none.

    approved : the version of the document that they come from.  draft : controls for which the
    project's own applicability.yaml says something else; None if there is no such file.
    """

    coverage: Coverage
    rows: tuple[Row, ...]
    source: str | None
    approved: Approved | None = None
    draft: tuple[str, ...] | None = None

    @property
    def answers(self) -> dict[str, int]:
        """How many controls have each answer."""
        names: tuple[Answer, ...] = ("applicable", "not applicable", "not decided")
        return {name: sum(row.answer == name for row in self.rows) for name in names}


def state(
    coverage: Coverage,
    choices: Applicability | None,
    source: str | None = None,
    *,
    approved: Approved | None = None,
    draft: tuple[str, ...] | None = None,
) -> Statement:
    """Put choices beside evidence; without choices every control is 'not decided'."""
    made = choices.controls if choices is not None else {}
    rows = tuple(Row(made.get(row.control.id, Choice()), row) for row in coverage.controls)
    return Statement(coverage, rows, source, approved, draft)


def as_html(statement: Statement, *, single_user: bool = False) -> str:
    """One self-contained page."""
    return page.html(
        "statement.html.j2",
        single_user=single_user,
        statement=statement,
        class_names=CLASS_NAMES,
    )


def as_csv(statement: Statement) -> str:
    """Comma-separated, for a spreadsheet; no cell can be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows([_inert(cell) for cell in line] for line in _lines(statement))
    return out.getvalue()


def as_table(statement: Statement) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Head and rows of the same table, for a file whose cells are text whatever they begin with."""
    return _HEAD, [list(line) for line in _lines(statement)]


def as_text(statement: Statement) -> str:
    """The counts, and what is still open."""
    counts = ", ".join(f"{n} {answer}" for answer, n in statement.answers.items())
    where = statement.source or "no applicability.yaml; aims report soa --new FILE writes one"
    lines = [f"Statement of Applicability, 38 controls: {counts}.", f"Choices: {where}."]
    if statement.draft:
        lines.append(f"applicability.yaml says something else: {', '.join(statement.draft)}.")
    left = [row for row in statement.rows if row.open is not None]
    if left:
        lines.append(f"{plural(len(left), 'control')} with something to do:")
        lines += [
            f"  {row.coverage.control.id:<9}{row.coverage.control.title}: {row.open}"
            for row in left
        ]
    return "\n".join(one_line(line) if i < 2 else line for i, line in enumerate(lines))


def as_json(statement: Statement) -> dict[str, Any]:
    """JSON values under a format name; docs/reports.md promises these fields."""
    return {
        "format": FORMAT,
        "made_at": statement.coverage.made_at,
        "system": statement.coverage.system,
        "source": statement.source,
        "answers": statement.answers,
        "approved": statement.approved.to_body() if statement.approved is not None else None,
        "draft_differs": list(statement.draft) if statement.draft is not None else None,
        "controls": [
            {
                "id": row.coverage.control.id,
                "title": row.coverage.control.title,
                "applicable": row.choice.applicable,
                "justification": row.choice.justification,
                "reference": row.choice.reference,
                "open": row.open,
                "class": CLASS_NAMES[row.coverage.control.klass],
                "evidence": row.coverage.state,
                "records": len(row.coverage.evidence),
                "newest": row.coverage.newest.id if row.coverage.newest else None,
                "implementation": row.choice.implementation,
                "responsible": row.choice.responsible,
                "status": row.choice.status,
                "declared": [one.to_body() for one in row.coverage.declared],
            }
            for row in statement.rows
        ],
    }


def _lines(statement: Statement) -> Iterator[list[str]]:
    for row in statement.rows:
        control, found = row.coverage.control, row.coverage
        age = found.freshness.age_days
        yield [
            control.id,
            control.title,
            row.answer,
            row.choice.justification,
            row.choice.reference,
            CLASS_NAMES[control.klass],
            found.state,
            str(len(found.evidence)),
            found.newest.id if found.newest else "",
            "" if age is None else f"{age:.1f}",
            row.choice.implementation,
            row.choice.responsible,
            row.choice.status or "",
            "; ".join(f"{d.register}/{d.id}: {d.why}" for d in found.declared),
        ]


def _inert(text: str) -> str:
    """A cell that a spreadsheet shows and never computes (OWASP, CSV Injection)."""
    return cell(one_line(text))
