"""What the gate decided, what was set aside for it, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from aims_mlops.evidence.bodies.body import (
    Body,
    Later,
    Must,
    MustOrNull,
    Object,
    Objects,
    SignedBody,
    body_of,
    says,
)


@body_of("decision")
class DecisionBody(Body, frozen=True):
    """What the gate decided, with every reason."""

    verdict: Must[Annotated[str, says(enum=["allowed", "refused", "undecided"])]] = None
    allowed: Must[bool] = None
    target: Must[str] = None
    model: Must[str] = None
    model_uri: Must[str] = None
    at: Must[str] = None
    reasons: Must[Objects] = None
    checks: Must[Objects] = None
    attempts: int | None = None
    bound: Object | None = None
    broke_glass: bool | None = None
    checkpoint: str | None = None
    consent: Object | None = None
    enforced_by: str | None = None
    notes: Objects | None = None
    other_models: Objects | None = None
    policy: str | None = None
    policy_id: str | None = None
    request: Object | None = None
    uncounted: Objects | None = None
    waivers: Objects | None = None

    @property
    def glass_was_broken(self) -> bool:
        """Whether it says so, or says something that is no clear no."""
        return bool(self.broke_glass) or "broke_glass" in self.odd


@body_of("promotion", 2)
class PromotionBody(Body, frozen=True):
    """What came of a promotion, whether the gate decided it or it was found."""

    schema_about: ClassVar[str | None] = (
        "`decision` is null where no decision led to it, such as an alias that was taken away."
    )

    alias: Must[str] = None
    outcome: Must[str] = None
    decision: MustOrNull[str] = None
    model: MustOrNull[str] = None
    model_uri: str | None = None
    name: str | None = None
    said: str | None = None
    target: str | None = None
    # Whoever compares it has to see that it is neither.
    version: Annotated[Any, says(type=["integer", "null", "string"])] = None
    archived_others: Later[bool] = None
    created_at: Later[Any] = None
    route: Later[str] = None


@body_of("promotion")
class PromotionBodyV1(PromotionBody, frozen=True):
    """What came of an allowed promotion."""

    schema_about: ClassVar[str | None] = None

    decision: Must[str] = None
    model: Must[str] = None
    version: Annotated[Any, says(type=["null", "string"])] = None


@body_of("waiver")
class WaiverBody(SignedBody, frozen=True):
    """A rule set aside for one model, with an expiry."""

    rule: Must[str] = None
    model: Must[str] = None
    reason: Must[str] = None
    compensating_measure: Must[str] = None
    requester: Must[str] = None
    expires_at: Must[str] = None
    policy: str | None = None
    target: str | None = None
