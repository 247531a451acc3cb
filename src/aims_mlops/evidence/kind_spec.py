"""What is to be said of a kind of evidence: the columns of the table in `kinds`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Literal


class Theme(Enum):
    """What records of a kind belong together for."""

    ORGANISATION = "organisation"
    RUN = "run"
    DATA = "data"
    MODEL = "model"
    MEASURED = "measured"
    ASSESSMENT = "assessment"
    CONSENT = "consent"
    PEOPLE = "people"
    DECISION = "decision"
    OPERATION = "operation"
    MANAGEMENT = "management"
    LOG = "log"


class Scope(Enum):
    """What makes a record of a kind one about a model."""

    CONTENT = "it names the content digest of the model among its subjects"
    RUN = "it is of a run that recorded the model"
    DATA = "it names the digest of a dataset of the model"
    SYSTEM = "it is of the AI system of the model"
    EVERY_SYSTEM = "it holds for every model"
    PEOPLE = "it is about people, and no model's"
    LOG = "it is about the log, and no model's"


class Writer(Enum):
    """Who may write a record of a kind."""

    LOG = "the log alone"
    PERSON = "a person, who signs"
    RUN = "a run"
    OPERATION = "a run, a served model, the gate or a command"
    GATE = "gate, registry, schedule or command"


class Bears(Enum):
    """Which decisions a new record of a kind makes out of date while they are being made."""

    NONE = "none"
    OWN_SYSTEM = "those about its system"
    EVERY_SYSTEM = "all"


class Retention(Enum):
    """What of a record of a kind may go at the end of its time; the record itself never does."""

    RECORD = "nothing"
    CONTENT = "the content that it refers to"


class Reopens(Flag):
    """What a new record of a kind calls into question."""

    NOTHING = 0
    ASSESSMENT = auto()  # the submitted impact assessment of a model
    CARRIED_OVER = auto()  # the approved assessment that is carried over to a retrained model
    VALIDITY = auto()  # a decision that rests on an assessment carried over


class Mark(Flag):
    """Questions that are answered by naming kinds, each asked in one place."""

    NONE = 0
    VERDICT = auto()  # a person's yes or no to an assessment
    FIGURES = auto()  # the body has `figures`, so that a policy's rule may ask for them
    IN_USE = auto()  # says what is promoted or deployed where
    PLAN = auto()  # says which schedule of monitoring stood
    DUE = auto()  # says which runs of monitoring were due
    WITH_SYSTEM = auto()  # read with the system when a model is gathered
    CARD_OF_SYSTEM = auto()  # on the card of every model of the system
    CARD_BY_SYSTEM = auto()  # may concern a model without having it as a subject
    SHARED = auto()  # without a system, in the history of each
    WHOLE = auto()  # coverage reads the body field by field; it is short, or there are few
    IN_BUNDLES = auto()  # in every bundle: its keys and gaps could not be explained without
    REMOVES = auto()  # names blobs whose content is gone


@dataclass(frozen=True, slots=True)
class KindSpec:
    """Everything that the code has to know of a kind of evidence.

    line : what it is, for people.  controls : the Annex A controls that it supports.
    versions : of its schema.  shown : to whoever approves the model; part of what is agreed to.
    personal : the body names people.
    """

    name: str
    line: str
    controls: tuple[str, ...]
    versions: tuple[int, ...]
    theme: Theme
    scope: Scope
    writer: Writer
    bears: Bears
    retention: Retention
    shown: bool
    personal: bool
    reopens: Reopens = Reopens.NOTHING
    marks: Mark = Mark.NONE

    @property
    def push(self) -> Literal["capture", "operate", "approve"] | None:
        """The scope of a token that may push it to a server; None if the log alone writes it."""
        return _PUSHED_WITH[self.writer]


_PUSHED_WITH: dict[Writer, Literal["capture", "operate", "approve"] | None] = {
    Writer.LOG: None,
    Writer.PERSON: "approve",
    Writer.RUN: "capture",
    Writer.OPERATION: "capture",
    Writer.GATE: "operate",
}
