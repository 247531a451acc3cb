"""A controlled document in its versions. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from aims_mlops.evidence.bodies.management import DocumentBody, File, Link
from aims_mlops.evidence.records import Record
from aims_mlops.management.registers.entry import Entry


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document.

    record : the newest step of this version or, once approved, the one that was approved.
    state : draft, approved, superseded or withdrawn.
    acknowledgements : person -> the record that says that it was read and understood.
    """

    version: str
    state: str
    body: DocumentBody
    record: Record
    digest: str
    approval: Record | None
    acknowledgements: Mapping[str, Record]

    @property
    def approved_by(self) -> str | None:
        """Who approved it."""
        return None if self.approval is None else self.approval.evidence.actor

    @property
    def approved_at(self) -> str | None:
        """When the log received the approval, RFC 3339."""
        return None if self.approval is None else self.approval.received_at

    @property
    def content_sha256(self) -> str | None:
        """The digest of the file, or of what the link leads to."""
        return content_digest(self.body)


def content_digest(body: DocumentBody) -> str | None:
    """The digest of a document's file, or of what its link leads to."""
    held: File | Link | None = body.file or body.link
    return None if held is None else held.sha256


@dataclass(eq=False)
class DocumentEntry(Entry):
    """A document; `versions` are in the order in which they came."""

    @property
    def type(self) -> str:
        """What it is, such as ai-policy."""
        return self.body.type or "" if isinstance(self.body, DocumentBody) else ""

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """Every version."""
        steps: dict[str, list[Record]] = {}
        for step in self.steps:
            steps.setdefault(str(DocumentBody.of(step).version), []).append(step)
        approved = {name: self._approved(found) for name, found in steps.items()}
        newest = next((name for name in reversed(steps) if approved[name] is not None), None)
        found = []
        for name, records in steps.items():
            record = approved[name] or records[-1]
            ended = "withdrawn" if self.is_closed else "superseded" if self.superseded_by else None
            if approved[name] is None:
                state = ended or "draft"
            else:
                state = "superseded" if name != newest else ended or "approved"
            acknowledged = self.signed.acknowledged
            found.append(
                Version(
                    name,
                    state,
                    DocumentBody.of(record),
                    record,
                    self.digest_of(record),
                    self.signed.counted.get(record.id),
                    {k: v for step in records for k, v in acknowledged.get(step.id, {}).items()},
                )
            )
        return tuple(found)

    @property
    def in_force(self) -> Version | None:
        """The version that holds now; None if none was approved, or it was taken out of force."""
        return next((one for one in self.versions if one.state == "approved"), None)

    def _approved(self, steps: list[Record]) -> Record | None:
        """The newest step that somebody approved."""
        return next((one for one in reversed(steps) if one.id in self.signed.counted), None)
