"""What a person is asked to sign, before a key or a passkey has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject


@dataclass(frozen=True, slots=True)
class Statement:
    """A body without its signature, and the record that it will be.

    person : who signs it, an id of aims.yaml.
    """

    kind: str
    person: str
    body: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    system: str | None = None

    def signed(self, body: Mapping[str, Any]) -> Evidence:
        """The evidence with the signed body."""
        return Evidence(
            kind=self.kind,
            subjects=self.subjects,
            body=dict(body),
            actor=self.person,
            claimed_at=now(),
            system=self.system,
        )
