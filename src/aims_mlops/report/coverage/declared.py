"""What people declared for the controls, as coverage counts it. Pure.

An entry counts from the approval by another person until it is closed, superseded, past its review
or expired. What nobody approved is named and does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.management.declarations.declared import is_about, lapsed, serves, standing
from aims_mlops.management.registers.entry import Entry
from aims_mlops.management.registers.register import Register


@dataclass(frozen=True, slots=True)
class Declared:
    """An open entry that serves a control.

    record : its newest record or, approved, the one that was approved.  approved_by, approved_at :
    who approved it and when the log received that; None if nobody did.  lapsed : past its review,
    or expired.
    """

    register: str
    id: str
    title: str
    record: str
    approved_by: str | None
    approved_at: str | None
    lapsed: bool

    @property
    def counts(self) -> bool:
        """Whether another person approved it and its time has not passed."""
        return self.approved_by is not None and not self.lapsed

    @property
    def why(self) -> str:
        """Why it does not count, or who approved it, for people."""
        if self.approved_by is None:
            return "nobody approved it"
        if self.lapsed:
            return "past its review, or expired"
        return f"approved by {self.approved_by} on {(self.approved_at or '')[:10]}"

    @property
    def next_step(self) -> str:
        """What makes it count."""
        if self.approved_by is None:
            return f"aims record approve {self.register}/{self.id}"
        return f"aims record change {self.register}/{self.id} --from FILE, and approve it"

    def to_body(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "register": self.register,
            "id": self.id,
            "title": self.title,
            "record": self.record,
            "approved_by": self.approved_by,
            "approved_at": self.approved_at,
            "lapsed": self.lapsed,
            "counts": self.counts,
        }


Declarations = Mapping[str, tuple[Declared, ...]]


def declarations(
    register: Register,
    now: datetime,
    *,
    system: str | None = None,
    sees: Callable[[Entry], bool] = lambda _: True,
) -> Declarations:
    """The open entries of each control that has some, in the order of the registers.

    now : aware.  system : only what is about it, or about all.  sees : which entries may be shown.
    """
    found: dict[str, list[Declared]] = {}
    for entry in register.all():
        if not entry.is_open or not is_about(entry, system) or not sees(entry):
            continue
        approved = standing(entry)
        said = Declared(
            entry.register,
            entry.id,
            entry.title,
            entry.latest.id if approved is None else approved.record.id,
            None if approved is None else approved.approval.evidence.actor,
            None if approved is None else approved.approval.received_at,
            lapsed(entry, now),
        )
        for id_ in serves(entry):
            if id_ in CONTROLS:
                found.setdefault(id_, []).append(said)
    return {id_: tuple(dict.fromkeys(entries)) for id_, entries in found.items()}
