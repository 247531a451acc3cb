"""One step of one entry as somebody asks for it, and the evidence that it becomes. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from aims_mlops.documents.document import Document
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.management.registers.entry import Entry
from aims_mlops.management.registers.spec import CONTROLS_OF_TYPE, RegisterSpec

Step = Literal["add", "change", "close", "reopen"]
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that an entry brings: its name, bytes and media type."""

    name: str
    content: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of the bytes."""
        return hashlib.sha256(self.content).hexdigest()

    def to_body(self) -> dict[str, Any]:
        """What the entry says of it."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "media_type": self.media_type,
            "size": len(self.content),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A step that somebody asks for.

    source : where the content stands, for lines in messages.  folder : where a path in `file`
    starts from; None if no file may be read.  brings : the document itself, where it is the file
    that was read.  origin : the file in a synced folder that it comes from.
    """

    spec: RegisterSpec
    step: Step
    source: Document
    reason: str | None = None
    folder: Path | None = None
    brings: Attachment | None = None
    origin: Mapping[str, Any] | None = field(default=None)

    @property
    def data(self) -> Any:
        """The content as it was written."""
        return self.source.data


def evidence_of(
    spec: RegisterSpec,
    step: Step,
    content: Mapping[str, Any],
    *,
    before: Entry | None,
    actor: str,
    now: datetime,
    reason: str | None = None,
    origin: Mapping[str, Any] | None = None,
) -> tuple[Evidence, str]:
    """The evidence of a step, and the key that lets it be taken once only.

    content : the whole content after the step.
    """
    body: dict[str, Any] = {"step": step, **content}
    if before is not None:
        body[spec.kind] = before.record_id
    if reason:
        body["reason"] = reason
    hidden = spec.name == "concern" and content.get("anonymous") is True and before is None
    if origin is not None and not hidden:
        body["origin"] = dict(origin)
    systems = [str(system) for system in content.get("systems") or ()]
    subjects = [Subject.of_name(f"{spec.kind}:{content['id']}")]
    subjects += [Subject.of_name(f"system:{system}") for system in systems]
    for held in (content.get("file"), content.get("link")):
        if isinstance(held, Mapping) and isinstance(held.get("sha256"), str):
            subjects.append(Subject(f"file:{content['id']}", held["sha256"]))
    said = [id_ for id_ in content.get("serves") or () if id_ in CONTROLS]
    controls = said or CONTROLS_OF_TYPE.get(str(content.get("type")), ())
    if hidden:  # neither who it was nor at which moment they wrote it
        now = now.replace(hour=0, minute=0, second=0, microsecond=0)
    evidence = Evidence(
        kind=spec.kind,
        subjects=tuple(subjects),
        body=body,
        actor=ANONYMOUS if hidden else actor,
        claimed_at=stamp(now),
        system=systems[0] if len(systems) == 1 else None,
        controls=tuple(controls) if spec.name == "document" or said else (),
    )
    key = (
        f"{spec.kind}/{content['id']}"
        if before is None
        else f"{spec.kind}/{before.record_id}/{len(before.steps)}"
    )
    return evidence, key
