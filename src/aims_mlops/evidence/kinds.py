"""The kinds of evidence, and the questions that are asked of their table.

A new kind is a row of `kind_table`, a schema and a fixture. No other module lists kinds: what is
asked of several is a column of the table, and a query below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.kind_spec import Bears, KindSpec, Mark, Reopens, Scope, Theme, Writer
from aims_mlops.evidence.kind_table import TABLE

KINDS: Mapping[str, KindSpec] = MappingProxyType({spec.name: spec for spec in TABLE})


def kinds_with(holds: Callable[[KindSpec], object]) -> tuple[str, ...]:
    """The names of the kinds of which this holds, in the order of the table."""
    return tuple(spec.name for spec in TABLE if holds(spec))


def _marked(mark: Mark) -> tuple[str, ...]:
    return kinds_with(lambda spec: mark in spec.marks)


CLOCK_CHANGE = "clock-change"

# Records about the log itself are made by the log, and taken from nobody.
LOG_KINDS = frozenset(kinds_with(lambda spec: spec.writer is Writer.LOG))
RUN_KINDS = frozenset(kinds_with(lambda spec: spec.writer is Writer.RUN))

# What an approver is shown and consents to. Consent itself, decisions and monitoring come later
# and are judged each on its own.
SHOWN_KINDS = kinds_with(lambda spec: spec.shown)
# What is agreed to by whom, and whose keys and roles say so.
CONSENT_KINDS = kinds_with(lambda spec: spec.theme in (Theme.CONSENT, Theme.PEOPLE))
VERDICT_KINDS = _marked(Mark.VERDICT)
PEOPLE_KINDS = kinds_with(lambda spec: spec.theme is Theme.PEOPLE)
# Consent and what sets rules aside: always one person's, who signs.
SIGNED_KINDS = kinds_with(lambda spec: spec.writer is Writer.PERSON)
# What was answered about a model by people and by the gate.
ANSWER_KINDS = kinds_with(
    lambda spec: spec.theme in (Theme.ASSESSMENT, Theme.CONSENT, Theme.DECISION)
)

# What re-opens the assessment of a model: its evidence, which approvers were shown, and what
# happened after.
REOPENING_KINDS = kinds_with(lambda spec: Reopens.ASSESSMENT in spec.reopens)
AFTER_KINDS = kinds_with(lambda spec: Reopens.ASSESSMENT in spec.reopens and not spec.shown)
# What ends an assessment that is carried over, and what calls a decision by one into question.
CARRY_OVER_KINDS = kinds_with(lambda spec: Reopens.CARRIED_OVER in spec.reopens)
VALIDITY_KINDS = kinds_with(lambda spec: Reopens.VALIDITY in spec.reopens)

# What people put down for clauses 4 to 10, and what they signed about it.
MANAGEMENT_KINDS = kinds_with(lambda spec: spec.theme is Theme.MANAGEMENT)

FIGURE_KINDS = _marked(Mark.FIGURES)
# Figures that an assessment carried over is held against.
COMPARED_KINDS = tuple(kind for kind in FIGURE_KINDS if kind in CARRY_OVER_KINDS)

USE_KINDS = _marked(Mark.IN_USE)
PLAN_KINDS = _marked(Mark.PLAN)
SCHEDULE_KINDS = _marked(Mark.DUE)

WITH_SYSTEM_KINDS = _marked(Mark.WITH_SYSTEM)
CARD_OF_RUN_KINDS = kinds_with(lambda spec: spec.scope in (Scope.RUN, Scope.DATA))
CARD_OF_SYSTEM_KINDS = _marked(Mark.CARD_OF_SYSTEM)
CARD_BY_SYSTEM_KINDS = _marked(Mark.CARD_BY_SYSTEM)
SHARED_KINDS = _marked(Mark.SHARED)
WHOLE_KINDS = _marked(Mark.WHOLE)
BUNDLE_KINDS = _marked(Mark.IN_BUNDLES)
REMOVING_KINDS = _marked(Mark.REMOVES)


def scope_of(kind: str) -> Scope:
    """What makes a record of this kind one about a model; its content for an unknown kind."""
    spec = KINDS.get(kind)
    return Scope.CONTENT if spec is None else spec.scope


def bears_of(kind: str) -> Bears:
    """Which decisions a new record of this kind makes out of date; of an unknown kind, as most."""
    spec = KINDS.get(kind)
    return Bears.OWN_SYSTEM if spec is None else spec.bears


def check_from_outside(kinds: Iterable[str]) -> None:
    """EvidenceFormatError if one of the kinds is of those that only the log itself makes."""
    for kind in LOG_KINDS.intersection(kinds):
        raise EvidenceFormatError(
            f"evidence of kind {kind} is only made by the log itself",
            expected="what somebody says about systems, data, models and runs",
            next_step="whoever keeps the log does it there: aims evidence --help",
        )


def controls_of(kind: str) -> tuple[str, ...]:
    """Annex A controls that evidence of this kind supports; empty for an unknown kind."""
    return KINDS[kind].controls if kind in KINDS else ()
