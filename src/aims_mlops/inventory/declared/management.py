"""How the organisation judges risks, and who approves which documents."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from aims_mlops.documents.problems import Section

# Roles of people that the management system asks for; an organisation may have others as well.
ROLES = (
    "top-management",
    "aims-manager",
    "risk-owner",
    "internal-auditor",
    "data-owner",
    "line-manager",
    "developer",
)
Word = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class RiskScale(Section):
    """Names of the steps of likelihood and impact, lowest first, and what is acceptable.

    acceptable : the highest product of the two places, counted from 1, that is kept as it is.
    """

    likelihood: tuple[Word, ...] = ("rare", "unlikely", "possible", "likely", "almost certain")
    impact: tuple[Word, ...] = ("negligible", "minor", "moderate", "major", "severe")
    acceptable: Annotated[int, Field(ge=1)] = 6

    @model_validator(mode="after")
    def _has_steps(self) -> RiskScale:
        if not self.likelihood or not self.impact:
            raise ValueError("a scale needs at least one step of likelihood and of impact")
        if self.acceptable > len(self.likelihood) * len(self.impact):
            raise ValueError("acceptable lies above the scale")
        return self


class Management(Section):
    """What clauses 4 to 10 need to know.

    risk_scale : null until somebody has decided on one; then the usual five by five is used.
    approvers : role of whoever may approve a document, by its type; a list means one of them.
    """

    risk_scale: RiskScale | None = None
    approvers: dict[Word, tuple[Word, ...]] = Field(default_factory=dict)

    @property
    def scale(self) -> RiskScale:
        """The organisation's scale, or the usual one."""
        return self.risk_scale or RiskScale()
