"""A policy with everything that it inherits, and the digest that pins it."""

from __future__ import annotations

import fnmatch
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.policy.grammar import (
    ApprovalsRequired,
    AssessmentRequired,
    BreakGlassAllowed,
    ImpactScale,
    Match,
    Oversight,
    PolicyDocument,
    Requirement,
    Rule,
    WaiversAllowed,
)
from aims_mlops.policy.key_rule import KeyRule


@dataclass(frozen=True)
class Policy:
    """What is in force. `document` has nothing left to inherit; `origin` is where it was read.

    bases : ids of the packs it was built from, nearest last.
    """

    document: PolicyDocument
    origin: str
    bases: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The policy's id."""
        return self.document.id

    @property
    def requires(self) -> tuple[Requirement, ...]:
        """Evidence that has to be there, inherited rows included."""
        return self.document.requires

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Limits on figures, inherited rows included."""
        return self.document.rules

    @property
    def assessment(self) -> AssessmentRequired:
        """What is asked of the impact assessment; nothing if it is not named."""
        return self.document.assessment or AssessmentRequired(required=False)

    @property
    def approvals(self) -> ApprovalsRequired | None:
        """Whose consent is needed; None if nobody's."""
        return self.document.approvals

    def key_rule(self, *, risk_tier: str | None, single_user: bool) -> KeyRule:
        """When a signature is a person's, for a system of this tier; None: nobody knows which.

        Where one person does everything and the policy allows that, nobody else can confirm a key.
        """
        approvals = self.approvals or ApprovalsRequired()
        alone = single_user and approvals.single_user == "allow"
        asked = approvals.enrolment or ("first-use" if risk_tier == "minimal" else "confirmed")
        return KeyRule(
            confirmed=asked == "confirmed" and not alone, listed=approvals.enrolled_keys_only
        )

    @property
    def waivers(self) -> WaiversAllowed:
        """Whether rules may be set aside; never if it is not named."""
        return self.document.waivers or WaiversAllowed()

    @property
    def break_glass(self) -> BreakGlassAllowed:
        """Whether a promotion may go ahead of its approval."""
        return self.document.break_glass or BreakGlassAllowed()

    @property
    def oversight(self) -> Oversight | None:
        """What may be open while a version is promoted; None if not named."""
        return self.document.oversight

    @property
    def impact_scale(self) -> ImpactScale:
        """The words for likelihood and severity, lowest first."""
        return self.document.impact_scale or ImpactScale()

    @property
    def pinned(self) -> bool:
        """Whether the policy must be in the log before the run that it judges."""
        return bool(self.document.pinned)

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing, and would therefore allow everything."""
        return not (
            any(row.blocking for row in (*self.requires, *self.rules))
            or self.assessment.required
            or self.approvals
        )

    def content(self) -> dict[str, Any]:
        """What is in force as JSON values, inherited entries included; comments do not count."""
        content = self.document.model_dump(mode="json")
        assessment = content["assessment"]
        if assessment is not None and assessment["tolerance"] is None:
            del assessment["tolerance"]  # it came later: what was pinned before keeps its digest
        if content["oversight"] is None:
            del content["oversight"]  # likewise
        if content["approvals"] is not None and content["approvals"]["enrolment"] is None:
            del content["approvals"]["enrolment"]
        return content

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical content."""
        return hashlib.sha256(canonical(self.content())).hexdigest()

    def is_for(self, *, target: str, model: str | None, risk_tier: str | None) -> bool:
        """Whether this promotion is one the policy is written for; without targets, any is."""
        return not self.document.targets or any(
            _matches(match, target, model, risk_tier) for match in self.document.targets
        )


def _matches(match: Match, target: str, model: str | None, risk_tier: str | None) -> bool:
    wanted = target.casefold()
    names = [name.casefold() for name in (match.name, *match.aliases)]
    if not any(fnmatch.fnmatchcase(wanted, name) for name in names):
        return False
    if match.models and not any(fnmatch.fnmatchcase(model or "", p) for p in match.models):
        return False
    # An undeclared tier is treated as the one the policy is for: unknown never escapes.
    return not match.risk_tiers or risk_tier is None or risk_tier in match.risk_tiers


def policy_from_content(content: dict[str, Any], *, origin: str = "the log") -> Policy:
    """A policy as a record holds it; raises pydantic.ValidationError."""
    import json

    return Policy(PolicyDocument.model_validate_json(json.dumps(content)), origin)
