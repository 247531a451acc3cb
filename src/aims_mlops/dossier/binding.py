"""What an approval and a decision are about, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aims_mlops.dossier.dossier import EVIDENCE_RULE, Dossier


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The digests that consent holds for; when one of them changes, it no longer counts.

    model, assessment, policy : SHA-256 (hex).  datasets : sorted.  target : such as 'production'.
    evidence_root : over the ids of all records that an approver is shown.
    evidence_rule : which records those are (`dossier.EVIDENCE_RULE`).
    dossier : what the root was made from, to tell what an approval under an earlier rule had seen.
    """

    target: str
    model: str
    datasets: tuple[str, ...]
    assessment: str | None
    policy: str
    evidence_root: str
    evidence_rule: int = EVIDENCE_RULE
    dossier: Dossier | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls, dossier: Dossier, *, target: str, policy: str, rule: int = EVIDENCE_RULE
    ) -> Binding:
        """What consent would have to be bound to now."""
        return cls(
            target=target,
            model=dossier.model,
            datasets=dossier.datasets,
            assessment=dossier.assessment_digest,
            policy=policy,
            evidence_root=dossier.root_by(rule),
            evidence_rule=rule,
            dossier=dossier,
        )

    def to_body(self) -> dict[str, Any]:
        """What stands in an approval and a decision: each digest under its name."""
        body: dict[str, Any] = {
            "target": self.target,
            "model": self.model,
            "datasets": list(self.datasets),
            "assessment": self.assessment,
            "policy": self.policy,
            "evidence_root": self.evidence_root,
        }
        if self.evidence_rule != 1:  # which is older than the field
            body["evidence_rule"] = self.evidence_rule
        return body

    def differences(self, body: Mapping[str, Any], *, at: int | None = None) -> tuple[str, ...]:
        """Names of the parts in which a consent's record is bound to something else.

        at : the record's sequence. What was given under an earlier rule of the evidence root counts
        if it saw the log as it was then, and nothing about the model changed since.
        """
        parts = self.to_body()
        rule = rule_of(body)
        if rule != self.evidence_rule:
            del parts["evidence_root"]
        parts.pop("evidence_rule", None)
        found = [name.replace("_", " ") for name, value in parts.items() if body.get(name) != value]
        if rule != self.evidence_rule and not self._saw_the_same(body, rule, at):
            found.append(f"evidence root (by rule {rule}; rule {self.evidence_rule} counts now)")
        return tuple(found)

    def _saw_the_same(self, body: Mapping[str, Any], rule: int, at: int | None) -> bool:
        if not 1 <= rule < EVIDENCE_RULE or self.dossier is None or at is None:
            return False
        then = self.dossier.before(at)
        seen = then.root_by(rule) == body.get("evidence_root")
        return seen and then.root_by(self.evidence_rule) == self.evidence_root


def rule_of(body: Mapping[str, Any]) -> int:
    """By which rule the evidence root in a body was made; 0 for one that nobody knows."""
    rule = body.get("evidence_rule", 1)
    return rule if isinstance(rule, int) and not isinstance(rule, bool) and rule > 0 else 0
