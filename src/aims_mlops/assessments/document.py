"""An AI system impact assessment, in the sections of ISO/IEC 42005:2025, clause 6.

A draft loads with empty texts; `lint` says which of them this risk tier needs.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from aims_mlops.documents.problems import Section
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.inventory.declared.system import Digest, Id

Date = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Aspect = Literal[
    "fairness",
    "transparency",
    "human-oversight",
    "accessibility",
    "safety",
    "privacy",
    "human-rights",
    "economic",
    "environmental",
    "other",
]


class Scope(Section):
    """6.2: what is assessed, for which use, and what is left out."""

    covers: str = ""
    leaves_out: str = ""


class SystemInformation(Section):
    """6.3: the system, what it can do, what it is for and what it is not for."""

    description: str = ""
    functionalities: str = ""
    purpose: str = ""
    intended_uses: str = ""
    unintended_uses: str = ""


class DataInformation(Section):
    """6.4: data and their quality; pre-filled from dataset evidence."""

    description: str = ""
    quality: str = ""


class AlgorithmInformation(Section):
    """6.5: algorithm and model; pre-filled from model and performance evidence."""

    description: str = ""
    performance: str = ""
    fairness: str = ""
    limitations: str = ""


class Deployment(Section):
    """6.6: where and in which languages it is used, and how complex that place is."""

    geography: str = ""
    languages: str = ""
    environment: str = ""


class Party(Section):
    """6.7: somebody relevant, with what the system means to them."""

    who: str
    interest: str = ""


class Impact(Section):
    """6.8: one benefit or harm; likelihood and severity in the words of the policy's scale."""

    id: Id
    on: Literal["individuals", "groups", "society"]
    kind: Literal["benefit", "harm"]
    aspect: Aspect = "other"
    description: str
    affected: str = ""
    likelihood: str = ""
    severity: str = ""
    reversible: Literal["yes", "partly", "no"] | None = None
    from_misuse: bool = False
    residual_likelihood: str = ""
    residual_severity: str = ""


class Oversight(Section):
    """Who can intervene, how, and how they learn that they should."""

    who: str = ""
    how: str = ""


class Measure(Section):
    """6.9: something done about impacts, with whose job it is and by when."""

    id: Id
    for_impacts: tuple[str, ...] = ()
    description: str
    owner: str = ""
    due: Date | None = None
    done: bool = False


class FromEvidence(Section):
    """A field that was filled from a record: which one, and what it said then."""

    record: Digest
    text_sha256: Digest


class Assessment(Section):
    """The document as a person edits it; its state is computed from the log, never written here."""

    version: Literal[1] = 1
    system: Id
    author: str = ""
    title: str = ""
    scope: Scope = Scope()
    system_information: SystemInformation = SystemInformation()
    data: DataInformation = DataInformation()
    algorithm: AlgorithmInformation = AlgorithmInformation()
    deployment: Deployment = Deployment()
    interested_parties: tuple[Party, ...] = ()
    impacts: tuple[Impact, ...] = ()
    failures: str = ""
    foreseeable_misuse: str = ""
    human_oversight: Oversight = Oversight()
    measures: tuple[Measure, ...] = ()
    review_by: Date | None = None
    from_evidence: dict[str, FromEvidence] = Field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical content; layout and comments do not count."""
        return hashlib.sha256(canonical(self.model_dump(mode="json"))).hexdigest()

    def text_at(self, path: str) -> str:
        """The text of a field, such as 'algorithm.performance'; '' if there is none."""
        here: object = self
        for part in path.split("."):
            here = getattr(here, part, "")
        return here if isinstance(here, str) else ""

    def provenance(self, path: str) -> Literal["from evidence", "declared", "missing"]:
        """Where a field comes from; one that was edited after it was filled is declared."""
        text = self.text_at(path).strip()
        if not text:
            return "missing"
        filled = self.from_evidence.get(path)
        if filled is not None and filled.text_sha256 == text_digest(text):
            return "from evidence"
        return "declared"


TEXT_FIELDS = (
    "scope.covers",
    "scope.leaves_out",
    "system_information.description",
    "system_information.functionalities",
    "system_information.purpose",
    "system_information.intended_uses",
    "system_information.unintended_uses",
    "data.description",
    "data.quality",
    "algorithm.description",
    "algorithm.performance",
    "algorithm.fairness",
    "algorithm.limitations",
    "deployment.geography",
    "deployment.languages",
    "deployment.environment",
    "failures",
    "foreseeable_misuse",
    "human_oversight.who",
    "human_oversight.how",
)


def text_digest(text: str) -> str:
    """SHA-256 (hex) of a field's text without surrounding space."""
    return hashlib.sha256(text.strip().encode()).hexdigest()
