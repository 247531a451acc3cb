"""What an approval and a decision are about, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aims_mlops.assessments.dossier import Dossier


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The digests that consent holds for; when one of them changes, it no longer counts.

    model, assessment, policy : SHA-256 (hex).  datasets : sorted.  target : such as 'production'.
    evidence_root : over the ids of all records that an approver is shown.
    """

    target: str
    model: str
    datasets: tuple[str, ...]
    assessment: str | None
    policy: str
    evidence_root: str

    @classmethod
    def of(cls, dossier: Dossier, *, target: str, policy: str) -> Binding:
        """What consent would have to be bound to now."""
        return cls(
            target=target,
            model=dossier.model,
            datasets=dossier.datasets,
            assessment=dossier.assessment_digest,
            policy=policy,
            evidence_root=dossier.evidence_root,
        )

    def to_body(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "model": self.model,
            "datasets": list(self.datasets),
            "assessment": self.assessment,
            "policy": self.policy,
            "evidence_root": self.evidence_root,
        }

    def differences(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the parts in which a consent's record is bound to something else."""
        return tuple(
            name.replace("_", " ")
            for name, value in self.to_body().items()
            if body.get(name) != value
        )
