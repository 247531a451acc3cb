"""Where on the way to a certificate the log shows an organisation, and what to do first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from aims_mlops.management.readiness.picture import Picture
from aims_mlops.management.readiness.readiness import Readiness, Row

# Each stage with the rows that have to be met before the next; what an auditor asks in it.
_DESIGN = ("R01", "R05", "R06", "R10", "R12", "R13", "R14", "R16", "R32", "R36", "R39")
_IMPLEMENTATION = (
    "R02", "R03", "R04", "R11", "R15", "R17", "R18", "R19", "R20", "R21", "R23", "R24", "R25",
    "R26", "R27", "R29", "R30", "R34", "R35", "R40", "R41", "R42",
)  # fmt: skip
_CHECKING = ("R45", "R46", "R47", "R48", "R49", "R50")
_DOCUMENTS = ("R28",)
_OPERATION = (
    "R08", "R09", "R22", "R31", "R33", "R37", "R38", "R43", "R44", "R51", "R52", "R53", "R54",
    "R55",
)  # fmt: skip
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gap assessment", ()),
    ("design of the AIMS", _DESIGN),
    ("implementation", _IMPLEMENTATION),
    ("internal audit and management review", _CHECKING),
    ("ready for Stage 1, documents", _DOCUMENTS),
    ("ready for Stage 2, implementation", _OPERATION),
)
SURVEILLANCE = "surveillance"
CERTIFICATE = "certificate"  # type of the document that says so

# The first ninety days of somebody who begins with nothing: day by which, rows, words.
FIRST_DAYS: tuple[tuple[int, tuple[str, ...], str], ...] = (
    (14, ("R05", "R12", "R13", "R36", "R39"), "inventory: systems, owners, roles in aims.yaml"),
    (30, ("R01", "R06", "R10"), "context, scope, and an AI policy that top management approves"),
    (45, ("R11", "R26", "R14", "R16", "R32"), "tell people; processes for risk and impact"),
    (60, ("R03", "R04", "R15", "R18", "R19", "R40"), "parties, risks, suppliers; what is accepted"),
    (75, ("R20", "R21", "R24", "R25", "R42"), "objectives, competence, schedules of monitoring"),
    (90, ("R27", "R28", "R41", "R46"), "the remaining documents and the audit programme"),
)
# What certification auditors ask for first.
ASKED_FIRST = ("R05", "R10", "R18", "R15", "R33", "R40", "R24", "R45", "R48", "R52")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the log shows the organisation. lacking : rows that the next stage needs."""

    name: str
    next: str | None
    lacking: tuple[Row, ...]


def stage_of(picture: Picture, readiness: Readiness) -> Stage:
    """The last stage all of whose rows are met, and what is missing for the next."""
    if not any(picture.register.all()) and not picture.size:
        return Stage("nothing yet", STAGES[0][0], ())
    reached = STAGES[0][0]
    for name, needed in STAGES[1:]:
        lacking = tuple(
            row for row in map(readiness.row, needed) if row.state not in ("met", "not applicable")
        )
        if lacking:
            return Stage(reached, name, lacking)
        reached = name
    held = [entry for entry in picture.register.documents_of(CERTIFICATE) if entry.in_force]
    if held:
        return Stage(SURVEILLANCE, None, ())
    return Stage(reached, SURVEILLANCE, ())


def first_days(readiness: Readiness) -> list[tuple[int, str, tuple[Row, ...]]]:
    """The plan of ninety days with the rows that are not met yet; without steps that are done."""
    found = []
    for day, ids, words in FIRST_DAYS:
        left = tuple(
            row for row in map(readiness.row, ids) if row.state not in ("met", "not applicable")
        )
        if left:
            found.append((day, words, left))
    return found


def asked_first(readiness: Readiness) -> tuple[Row, ...]:
    """What an auditor asks first, of that what is not met."""
    rows = map(readiness.row, ASKED_FIRST)
    return tuple(row for row in rows if row.state not in ("met", "not applicable"))
