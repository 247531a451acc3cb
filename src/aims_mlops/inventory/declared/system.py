"""An AI system as the organisation declares it."""

from __future__ import annotations

import fnmatch
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from aims_mlops.documents.problems import Section
from aims_mlops.inventory.declared.inference_settings import Inference
from aims_mlops.inventory.declared.monitor import Monitor

OrganisationRole = Literal["developer", "provider", "deployer", "user"]
Use = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
RiskTier = Literal["minimal", "limited", "high"]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Supplier(Section):
    """Who provides a base model, data or a service that the system is built on."""

    name: str
    provides: str
    version: str | None = None
    licence: str | None = None
    sha256: Digest | None = None
    due_diligence: str | None = None


class System(Section):
    """One entry of the inventory; texts may be empty until `aims lint` asks for them.

    organisation_roles : what the organisation is to it, as ISO/IEC 22989 has the roles.
    uses : what it is used for, by the names that rules of classification have, as credit-scoring.
    models : names or shell-style patterns of the registered models that belong to it.
    assessment : path of its impact assessment, relative to aims.yaml.
    monitoring : what is measured of it in production, from its first promotion or deployment on.
    inference : what is kept of its predictions.
    """

    id: Id
    title: str = ""
    purpose: str = ""
    owner: str = ""
    risk_owner: str = ""
    risk_tier: RiskTier = "high"
    intended_use: str = ""
    foreseeable_misuse: tuple[str, ...] = ()
    affected_people: tuple[str, ...] = ()
    organisation_roles: tuple[OrganisationRole, ...] = ()
    uses: tuple[Use, ...] = ()
    suppliers: tuple[Supplier, ...] = ()
    models: tuple[str, ...] = Field(default=())
    assessment: str | None = None
    monitoring: tuple[Monitor, ...] = ()
    inference: Inference = Field(default_factory=Inference)

    def has_model(self, name: str) -> bool:
        """Whether a registered model of this name belongs to the system."""
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in (*self.models, self.id))
