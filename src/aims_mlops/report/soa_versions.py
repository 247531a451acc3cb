"""Versions of the Statement of Applicability: which one is approved, and what differs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aims_mlops.documents.problems import did_you_mean
from aims_mlops.errors import InputError
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.management.registers.document import DocumentEntry, Version
from aims_mlops.management.registers.register import Register
from aims_mlops.report.coverage.applicability import Applicability, Choice

TYPE = "statement-of-applicability"
FIELDS = ("applicable", "justification", "reference", "implementation", "responsible", "status")


@dataclass(frozen=True, slots=True)
class Approved:
    """A version of the document whose file holds the choices.

    sha256 : of that file, to which the approval is bound.
    """

    document: str
    version: str
    file: str
    sha256: str
    approved_by: str | None
    approved_at: str | None
    record: str

    @property
    def words(self) -> str:
        """Which version, for people."""
        said = f"{self.file} of document {self.document}, version {self.version}"
        if self.approved_by is None:
            return f"{said}, not approved"
        return f"{said}, approved by {self.approved_by} on {(self.approved_at or '')[:10]}"

    def to_body(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "document": self.document,
            "version": self.version,
            "file": self.file,
            "sha256": self.sha256,
            "approved_by": self.approved_by,
            "approved_at": self.approved_at,
            "record": self.record,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one control that differs between two versions."""

    control: str
    field: str
    before: str
    after: str


def in_force(register: Register) -> Approved | None:
    """The newest approved version with a file of choices; None if there is none."""
    held = [
        (found.approval.sequence, _of(entry, found))
        for entry in _documents(register)
        if (found := entry.in_force) is not None and found.approval is not None and _is_file(found)
    ]
    return max(held, key=lambda one: one[0])[1] if held else None


def version_of(register: Register, name: str) -> Approved:
    """The version of a name; raises InputError for an unknown one, or for one in two documents."""
    every = [
        (entry, one) for entry in _documents(register) for one in entry.versions if _is_file(one)
    ]
    found = [_of(entry, one) for entry, one in every if name in (one.version, _full(entry, one))]
    if len(found) == 1:
        return found[0]
    names = [_full(entry, one) if found else one.version for entry, one in every]
    near = did_you_mean(name, names)
    raise InputError(
        "several documents have this version" if found else "no such version of the statement",
        got=repr(name)[:60],
        expected=f"{near}?" if near else "one of " + (", ".join(names) or "none so far"),
        next_step="aims record list document",
    )


def differences(before: Applicability, after: Applicability) -> Iterator[Difference]:
    """What differs, control by control in the order of the standard."""
    for id_ in CONTROLS:
        old, new = before.controls.get(id_, Choice()), after.controls.get(id_, Choice())
        for field in FIELDS:
            said, says = getattr(old, field), getattr(new, field)
            if said != says:
                yield Difference(id_, field, _shown(said), _shown(says))


def _documents(register: Register) -> Iterator[DocumentEntry]:
    for entry in register.of_register("document"):
        if isinstance(entry, DocumentEntry) and entry.type == TYPE:
            yield entry


def _is_file(version: Version) -> bool:
    file = version.body.file
    name = str(getattr(file, "name", "") or "")
    return file is not None and name.lower().endswith((".yaml", ".yml"))


def _full(entry: DocumentEntry, version: Version) -> str:
    return f"{entry.id}/{version.version}"


def _of(entry: DocumentEntry, version: Version) -> Approved:
    return Approved(
        entry.id,
        version.version,
        str(getattr(version.body.file, "name", "")),
        str(version.content_sha256),
        version.approved_by,
        version.approved_at,
        version.record.id,
    )


def _shown(value: object) -> str:
    if value is None:
        return "not decided"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
