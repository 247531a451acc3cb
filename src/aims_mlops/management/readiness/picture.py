"""What readiness is judged from, folded once from records and aims.yaml. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.evidence.bodies.consent import ConsentBody
from aims_mlops.evidence.bodies.data import ModelBody
from aims_mlops.evidence.bodies.run import EnvironmentBody, RunBody
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.kinds import MANAGEMENT_KINDS, SIGNED_KINDS, USE_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.person import Person
from aims_mlops.inventory.declared.settings import Settings
from aims_mlops.inventory.declared.system import System
from aims_mlops.inventory.project import Project
from aims_mlops.management.registers.read import READ_KINDS, duties_of
from aims_mlops.management.registers.register import Register
from aims_mlops.operations.in_use import InUse, Uses, promotions_that_happened
from aims_mlops.operations.nonconformity import KIND as NONCONFORMITY
from aims_mlops.operations.nonconformity import Nonconformity, fold
from aims_mlops.policy.key_rule import KeyRule

_READ = frozenset(READ_KINDS)
_USE = frozenset(USE_KINDS)
_CONSENT = frozenset(SIGNED_KINDS) - frozenset(MANAGEMENT_KINDS)


@dataclass
class Picture:
    """What the log and aims.yaml say at one moment.

    begun : everything that was ever promoted or deployed, in order.  newest : by kind and AI
    system, and by kind and None over all of them.  about : by kind and content digest.
    packages : name of a package seen in an environment -> the first record of it, by AI system.
    acted : role -> people who acted in it, each with a record.
    consent : what people signed about models, and whose keys are whose.
    wrong_pack : why a digest names no review pack of the log; None if it names one.
    """

    settings: Settings
    now: datetime
    register: Register = field(default_factory=lambda: Register({}))
    uses: Uses = field(default_factory=Uses)
    begun: list[Record] = field(default_factory=list)
    newest: dict[tuple[str, str | None], Record] = field(default_factory=dict)
    about: dict[tuple[str, str], list[Record]] = field(default_factory=lambda: defaultdict(list))
    packages: dict[tuple[str, str | None], Record] = field(default_factory=dict)
    acted: dict[str, dict[str, Record]] = field(default_factory=lambda: defaultdict(dict))
    registered: dict[str, Record] = field(default_factory=dict)
    assessments: list[Record] = field(default_factory=list)
    nonconformities: list[Nonconformity] = field(default_factory=list)
    size: int = 0
    wrong_pack: Callable[[str], str | None] = lambda _: None
    consent: list[Record] = field(default_factory=list)

    @property
    def systems(self) -> tuple[System, ...]:
        """The AI systems of aims.yaml."""
        return self.settings.systems

    @property
    def people(self) -> tuple[Person, ...]:
        """The people of aims.yaml, without service accounts."""
        return tuple(person for person in self.settings.people if person.acts_for is None)

    def holders(self, role: str) -> tuple[Person, ...]:
        """Whoever holds a role."""
        return tuple(person for person in self.people if role in person.roles)

    def in_use(self) -> Iterator[InUse]:
        """What is promoted or deployed now."""
        return iter(self.uses)

    def approvals_of(self, model: str) -> list[Record]:
        """Approvals of the impact assessment of a content, oldest first.

        Those that their person signed, with a confirmed key, about this very content: what a
        record says beside that is a claim of whoever wrote it.
        """
        return [r for r in self.about.get(("approval", model), []) if self._is_signed(r, model)]

    def _is_signed(self, record: Record, model: str) -> bool:
        body = ConsentBody.of(record)
        human = self._keys.people.human(body.approver or "")
        if body.verdict == "reject" or body.model != model:
            return False
        return self._keys.why_not(record, human) is None

    @cached_property
    def _keys(self) -> KeyOwners:
        rule = KeyRule(confirmed=not self.settings.single_user)
        return KeyOwners.of(self.consent, People(self.settings.people), rule=rule)


def picture_of(
    project: Project,
    records: Iterable[Record],
    now: datetime,
    *,
    wrong_pack: Callable[[str], str | None] = lambda _: None,
) -> Picture:
    """The picture at a moment: records that the log had received by then, in its order.

    People, roles and systems are those of aims.yaml as it is.
    """
    found = Picture(project.settings, now, wrong_pack=wrong_pack)
    until = stamp(now)
    registers: list[Record] = []
    findings: list[Record] = []
    for record in records:
        if record.received_at > until:
            break
        found.size += 1
        evidence = record.evidence
        kind = evidence.kind
        if kind in _READ:
            registers.append(record)
            if kind in _CONSENT:
                found.consent.append(record)
        found.newest[kind, evidence.system] = found.newest[kind, None] = record
        if kind in _USE:
            found.uses.take(record)
            found.begun.append(record)
        elif kind in (NONCONFORMITY, "decision"):
            findings.append(record)
        _take(found, record)
    found.register = Register.of(registers, duties=duties_of(project))
    found.nonconformities = fold(findings)
    happened = {record.id for record in promotions_that_happened(found.begun)}
    found.begun = [
        record
        for record in found.begun
        if record.id in happened or record.evidence.body.get("event") == "deployed"
    ]
    return found


def _take(found: Picture, record: Record) -> None:
    evidence = record.evidence
    kind = evidence.kind
    if kind in ("approval", "bias", "impact-assessment"):
        for subject in evidence.subjects:
            found.about[kind, subject.sha256].append(record)
        if kind == "impact-assessment":
            found.assessments.append(record)
        elif kind == "approval":
            for role in ConsentBody.of(record).roles or ():
                found.acted[str(role)].setdefault(evidence.actor, record)
    elif kind == "environment":
        for name in EnvironmentBody.of(record).packages or {}:
            found.packages.setdefault((str(name).lower(), evidence.system), record)
    elif kind == "run":
        if RunBody.of(record).activity == "training":
            found.acted["developer"].setdefault(evidence.actor, record)
    elif kind == "model":
        said = ModelBody.of(record).registered
        if isinstance(said, dict) and isinstance(said.get("name"), str):
            found.registered.setdefault(said["name"], record)
    elif kind == "override":
        found.acted["overseer"].setdefault(evidence.actor, record)
