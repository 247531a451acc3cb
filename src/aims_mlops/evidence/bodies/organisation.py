"""What aims.yaml and the policy said when they were used."""

from __future__ import annotations

from typing import Any

from aims_mlops.evidence.bodies.body import (
    Body,
    Must,
    Object,
    Objects,
    Sha256,
    body_of,
)


@body_of("policy")
class PolicyBody(Body, frozen=True):
    """The policy in force, by digest."""

    id: Must[str] = None
    sha256: Must[Sha256] = None
    content: Must[Object] = None
    bases: Objects | None = None


@body_of("supplier")
class SupplierBody(Body, frozen=True):
    """A base model or vendor of an AI system."""

    name: Must[str] = None
    provides: Must[str] = None
    due_diligence: Any = None
    licence: str | None = None
    sha256: Any = None
    version: str | None = None


@body_of("system")
class SystemBody(Body, frozen=True):
    """An AI system as the inventory declares it."""

    id: Must[str] = None
    purpose: Must[str] = None
    owner: Must[str] = None
    risk_owner: Must[str] = None
    risk_tier: Must[str] = None
    intended_use: Must[str] = None
    affected_people: Objects | None = None
    assessment: str | None = None
    foreseeable_misuse: Objects | None = None
    models: Objects | None = None
    suppliers: Objects | None = None
    title: str | None = None
