"""What people put down for clauses 4 to 10: documents and registers.

Every entry of a register is one life cycle. Each of its records says the whole content as it stands
after the step, so that any one of them can be read alone; all but the first name the first in a
field called like the kind. Marks say what a field holds, for whoever checks or draws it.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec

from aims_mlops.evidence.bodies.body import (
    Body,
    Count,
    Given,
    Items,
    Must,
    Number,
    Object,
    Sha256,
    Texts,
    body_of,
    says,
)

PERSON, SYSTEM, PROSE = "person", "system", "prose"
Day: TypeAlias = Annotated[str, says(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Who: TypeAlias = Annotated[str, PERSON]  # an id under people in aims.yaml
People: TypeAlias = Annotated[list[Any], PERSON, says(items={"type": "string"})]
Prose: TypeAlias = Annotated[str, PROSE]  # may be several paragraphs
Level: TypeAlias = Annotated[int, says(minimum=1)]  # on the organisation's own scale


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an entry."""


class File(Part, frozen=True):
    """A file kept as a blob."""

    name: Must[str] = None
    sha256: Must[Sha256] = None
    media_type: str | None = None
    size: Count | None = None


class Link(Part, frozen=True):
    """Something kept elsewhere, by the digest that it had."""

    url: Must[str] = None
    sha256: Sha256 | None = None
    date: Day | None = None


class Estimate(Part, frozen=True):
    """How likely and how bad, each a place on the organisation's scale, from 1."""

    likelihood: Must[Level] = None
    impact: Must[Level] = None


class Harm(Part, frozen=True):
    """To whom what could happen."""

    individuals: Prose | None = None
    groups: Prose | None = None
    society: Prose | None = None
    organisation: Prose | None = None


class ChosenControl(Part, frozen=True):
    """A control that treats a risk, and why it was chosen."""

    control: Must[str] = None
    why: Prose | None = None


class FigureInLog(Part, frozen=True):
    """A figure that the log has: kind and measure as evidence names them."""

    kind: Must[str] = None
    measure: Must[str] = None
    system: Annotated[str, SYSTEM] | None = None
    group: Object | None = None


class Limit(Part, frozen=True):
    """What a value is held against."""

    at_least: Number | None = None
    at_most: Number | None = None


class Required(Part, frozen=True):
    """What an interested party requires, and whether the AIMS takes it on."""

    requirement: Must[Prose] = None
    addressed: Must[bool] = None
    how: Prose | None = None


class Diligence(Part, frozen=True):
    """What was looked into before a supplier was chosen."""

    result: Must[Prose] = None
    date: Must[Day] = None
    by: Who | None = None


class Agreement(Part, frozen=True):
    """A contract, and whether it says how AI is governed."""

    reference: Must[str] = None
    date: Day | None = None
    covers_ai: bool | None = None
    sha256: Sha256 | None = None


class Finding(Part, frozen=True):
    """What an audit found; nonconformity : id of the record that was opened for it."""

    finding: Must[Prose] = None
    grade: Must[Annotated[str, says(enum=["major", "minor", "observation"])]] = None
    requirement: str | None = None
    nonconformity: str | None = None


class Action(Part, frozen=True):
    """What was decided to be done."""

    action: Must[Prose] = None
    owner: Must[Who] = None
    due: Must[Day] = None
    done: Day | None = None


class EntryBody(Body, frozen=True):
    """What the entries of all registers have in common.

    id : the organisation's own, once in its register.  effective : from when it holds, a claim of
    whoever wrote it; when it became known is the record's `received_at`.  review : by when somebody
    looks at it again.  serves : clauses and controls that it is for.  origin : the file that it was
    read from.
    """

    approved_as: ClassVar[str] = "approved"

    step: Must[Annotated[str, says(enum=["add", "change", "close", "reopen"])]] = None
    id: Must[str] = None
    title: Must[str] = None
    owner: Who | None = None
    systems: Annotated[list[Any], SYSTEM, says(items={"type": "string"})] | None = None
    effective: Day | None = None
    review: Day | None = None
    serves: Texts | None = None
    notes: Prose | None = None
    reason: Prose | None = None
    origin: Object | None = None


@body_of("document")
class DocumentBody(EntryBody, frozen=True):
    """A controlled document: policy, scope, process, plan, programme, criteria."""

    type: Must[str] = None
    version: Must[str] = None
    author: Must[Who] = None
    document: Given[str] = None
    file: File | None = None
    link: Link | None = None
    published: str | None = None
    acknowledge_by: Texts | None = None
    supersedes: Texts | None = None


@body_of("risk")
class RiskBody(EntryBody, frozen=True):
    """A risk or opportunity: source, harm, estimate before and after, treatment, owner."""

    approved_as: ClassVar[str] = "accepted"

    owner: Must[Who] = None
    source: Must[Prose] = None
    before: Must[Estimate] = None
    after: Estimate | None = None
    controls: Annotated[list[Any] | None, Items(ChosenControl)] = None
    description: Prose | None = None
    due: Day | None = None
    harm_to: Harm | None = None
    risk: Given[str] = None
    treatment: Annotated[str, says(enum=["avoid", "reduce", "share", "accept"])] | None = None
    type: Annotated[str, says(enum=["risk", "opportunity"])] | None = None


@body_of("objective")
class ObjectiveBody(EntryBody, frozen=True):
    """An objective: measure, target, plan, and the figure in the log that shows it."""

    measure: Must[str] = None
    target: Must[str] = None
    due: Day | None = None
    figure: FigureInLog | None = None
    limit: Limit | None = None
    objective: Given[str] = None
    plan: Prose | None = None
    unit: str | None = None
    value: Number | None = None


@body_of("competence")
class CompetenceBody(EntryBody, frozen=True):
    """What a person has to know for a role, and how it was shown."""

    approved_as: ClassVar[str] = "verified"

    person: Must[Who] = None
    role: Must[str] = None
    needed: Must[Prose] = None
    competence: Given[str] = None
    expires: Day | None = None
    file: File | None = None
    shown: Prose | None = None


@body_of("interested-party")
class InterestedPartyBody(EntryBody, frozen=True, rename={"interested_party": "interested-party"}):
    """Who has a stake in the AI systems, and what they require."""

    category: str | None = None
    interested_party: Given[str] = None
    requirements: Annotated[list[Any] | None, Items(Required)] = None


@body_of("supplier-entry")
class SupplierEntryBody(EntryBody, frozen=True, rename={"supplier_entry": "supplier-entry"}):
    """A base model, vendor or service: licence, region, terms, due diligence, agreement.

    covers : patterns of packages, hosted model names and endpoints that are this supplier's.
    """

    provides: Must[str] = None
    agreement: Agreement | None = None
    covers: Texts | None = None
    due_diligence: Diligence | None = None
    expires: Day | None = None
    licence: str | None = None
    region: str | None = None
    supplier_entry: Given[str] = None
    terms: Link | None = None
    version: str | None = None


@body_of("audit")
class AuditBody(EntryBody, frozen=True):
    """An internal audit: scope, criteria, auditor, findings, to whom it was reported."""

    auditor: Must[Who] = None
    scope: Must[Prose] = None
    criteria: Must[Prose] = None
    audit: Given[str] = None
    audited: People | None = None
    file: File | None = None
    findings: Annotated[list[Any] | None, Items(Finding)] = None
    method: Prose | None = None
    performed: Day | None = None
    programme: str | None = None
    reported_to: People | None = None


@body_of("management-review")
class ManagementReviewBody(
    EntryBody, frozen=True, rename={"management_review": "management-review"}
):
    """A management review: what was looked at, by digest; decisions and actions."""

    held: Must[Day] = None
    attendees: Must[People] = None
    actions: Annotated[list[Any] | None, Items(Action)] = None
    decisions: Texts | None = None
    file: File | None = None
    management_review: Given[str] = None
    pack: Sha256 | None = None


@body_of("improvement")
class ImprovementBody(EntryBody, frozen=True):
    """A chance to improve, what was done, and what came of it."""

    proposal: Must[Prose] = None
    action: Prose | None = None
    due: Day | None = None
    improvement: Given[str] = None
    result: Prose | None = None
    source: Prose | None = None


@body_of("aims-change")
class AimsChangeBody(EntryBody, frozen=True, rename={"aims_change": "aims-change"}):
    """A planned change of the management system."""

    purpose: Must[Prose] = None
    aims_change: Given[str] = None
    consequences: Prose | None = None
    planned: Day | None = None
    resources: Prose | None = None
    responsibilities: Prose | None = None


@body_of("communication")
class CommunicationBody(EntryBody, frozen=True):
    """What was told to whom, inside or outside."""

    what: Must[Prose] = None
    when: Must[Day] = None
    to_whom: Must[str] = None
    how: Must[str] = None
    by: Who | None = None
    communication: Given[str] = None


@body_of("concern")
class ConcernBody(EntryBody, frozen=True):
    """A concern that somebody raised, how that person is protected, what came of it."""

    about: Must[Prose] = None
    anonymous: bool | None = None
    concern: Given[str] = None
    file: File | None = None
    outcome: Prose | None = None
    protection: Prose | None = None
    received: Day | None = None
    reported_by: str | None = None


@body_of("disclosure")
class DisclosureBody(EntryBody, frozen=True):
    """What was disclosed to authorities, users or the public."""

    what: Must[Prose] = None
    to_whom: Must[str] = None
    date: Must[Day] = None
    channel: str | None = None
    disclosure: Given[str] = None
    incident: str | None = None


@body_of("customer-agreement")
class CustomerAgreementBody(
    EntryBody, frozen=True, rename={"customer_agreement": "customer-agreement"}
):
    """Who is responsible for what towards a customer."""

    customer: Must[str] = None
    responsibilities: Must[Prose] = None
    agreement: Agreement | None = None
    customer_agreement: Given[str] = None
    expires: Day | None = None


@body_of("resource")
class ResourceBody(EntryBody, frozen=True):
    """A resource of an AI system: data, tooling, computing, people."""

    category: Must[
        Annotated[str, says(enum=["data", "tooling", "computing", "human", "other"])]
    ] = None
    description: Must[Prose] = None
    resource: Given[str] = None


@body_of("assignment")
class AssignmentBody(EntryBody, frozen=True):
    """Who sees to a requirement of the standard, and until when."""

    requirement: Must[str] = None
    owner: Must[Who] = None
    assignment: Given[str] = None
    due: Day | None = None
