"""The registers: which kind holds each, what an approval of an entry means, and who may give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aims_mlops.documents.problems import did_you_mean
from aims_mlops.errors import InputError
from aims_mlops.evidence.bodies import management
from aims_mlops.evidence.bodies.body import NEWEST, Body

# Types of document that the requirements ask for; an organisation may have others as well.
DOCUMENT_TYPES = (
    "context",
    "scope",
    "ai-policy",
    "risk-process",
    "impact-assessment-process",
    "resources",
    "communication-plan",
    "disclosure-criteria",
    "audit-programme",
    "responsible-use-process",
    "concern-process",
    "data-process",
    "development-process",
    "statement-of-applicability",
    "plan",
    "criteria",
)
# What a document of a type supports where it does not say itself (`serves`).
CONTROLS_OF_TYPE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ai-policy": ("A.2.2",),
        "scope": ("A.2.3",),
        "resources": ("A.4.2",),
        "impact-assessment-process": ("A.5.2",),
        "development-process": ("A.6.1.3",),
        "data-process": ("A.7.2",),
        "disclosure-criteria": ("A.8.5",),
        "communication-plan": ("A.8.5",),
        "responsible-use-process": ("A.9.2",),
        "concern-process": ("A.3.3",),
    }
)
# Who approves a document of a type where aims.yaml says nothing else.
APPROVERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"ai-policy": ("top-management",), "scope": ("top-management", "aims-manager")}
)


@dataclass(frozen=True, slots=True)
class RegisterSpec:
    """One register.

    name : as commands have it.  kind : of its records.  approved_as : the state that a signature
    gives.  by_owner : the signature has to be the owner's.  roles : one of them is needed.
    not_by : persons named in these fields do not approve; nor does who wrote the entry, if
    `not_by_writer`.
    """

    name: str
    kind: str
    roles: tuple[str, ...] = ()
    not_by: tuple[str, ...] = ()
    by_owner: bool = False
    not_by_writer: bool = True

    @property
    def body(self) -> type[management.EntryBody]:
        """The class of its bodies."""
        found: type[Body] = NEWEST[self.kind]
        if not issubclass(found, management.EntryBody):
            raise TypeError(f"{self.kind} is no kind of a register")
        return found

    @property
    def approved_as(self) -> str:
        """The state of an entry that somebody signed."""
        return self.body.approved_as

    @property
    def first_state(self) -> str:
        """The state of an entry that nobody signed."""
        return "draft" if self.name == "document" else "open"


def _rows() -> tuple[RegisterSpec, ...]:
    row: Callable[..., RegisterSpec] = RegisterSpec
    return (
        row("document", "document", not_by=("author",)),
        row("risk", "risk", by_owner=True, not_by_writer=False),
        row("objective", "objective"),
        row("competence", "competence", not_by=("person",), not_by_writer=False),
        row("interested-party", "interested-party"),
        row("supplier", "supplier-entry"),
        row("audit", "audit", not_by=("auditor",)),
        row(
            "management-review",
            "management-review",
            roles=("top-management",),
            not_by_writer=False,
        ),
        row("improvement", "improvement"),
        row("aims-change", "aims-change"),
        row("communication", "communication"),
        row("concern", "concern", not_by=("reported_by",)),
        row("disclosure", "disclosure"),
        row("customer-agreement", "customer-agreement"),
        row("resource", "resource"),
        row("assignment", "assignment"),
    )


REGISTERS: Mapping[str, RegisterSpec] = MappingProxyType({row.name: row for row in _rows()})
BY_KIND: Mapping[str, RegisterSpec] = MappingProxyType(
    {row.kind: row for row in REGISTERS.values()}
)
APPROVAL = "entry-approval"
ACKNOWLEDGEMENT = "acknowledgement"


def spec_of(name: str) -> RegisterSpec:
    """The register of a name; raises InputError, with the nearest one, for an unknown name."""
    found = REGISTERS.get(name) or BY_KIND.get(name)
    if found is None:
        near = did_you_mean(name, REGISTERS)
        raise InputError(
            "no such register",
            got=repr(name)[:60],
            expected=f"{near}?" if near else "one of " + ", ".join(REGISTERS),
        )
    return found
