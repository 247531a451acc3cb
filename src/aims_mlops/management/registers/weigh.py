"""Which approvals and acknowledgements of an entry count, and why the others do not. Pure.

An approval counts only if
- it names this entry, one of its records, and the digest of what that record says;
- its signature holds, the key is the approver's (`signed_records`), and the approver wrote it;
- nobody said the same signed words before;
- aims.yaml knows the approver as a person who is allowed to: not one whom the register keeps apart
  (the author, the writer, the person whose competence it is, the auditor), the owner where the
  register asks for the owner, and holding the role that is asked for, then and now, or holding it
  then by delegation;
- the same person has not taken it back or refused since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aims_mlops.approvals.delegation import delegated_roles
from aims_mlops.approvals.keys.signature import signed_bytes
from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.evidence.bodies.consent import AcknowledgementBody, EntryApprovalBody
from aims_mlops.evidence.bodies.management import DocumentBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.management.registers.entry import Entry, Signed
from aims_mlops.management.registers.spec import APPROVERS, RegisterSpec


@dataclass(frozen=True)
class Duties:
    """Who may sign what.

    approvers : roles by type of document, as aims.yaml says.  alone : one person does everything,
    so that duties cannot be kept apart.
    """

    people: People = field(default_factory=People)
    approvers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    alone: bool = False

    def roles(self, spec: RegisterSpec, step: Record) -> tuple[str, ...]:
        """One of these roles is needed to approve what a record says; empty: any person."""
        if spec.name != "document":
            return spec.roles
        type_ = DocumentBody.of(step).type or ""
        return tuple(self.approvers.get(type_) or APPROVERS.get(type_, ()))

    def why_not(
        self, human: str, entry: Entry, step: Record, lent: frozenset[str] = frozenset()
    ) -> str | None:
        """Why this person may not approve what a record says, in words; None if they may.

        lent : roles that others had handed to them.
        """
        person = self.people.person(human)
        if person is None:
            return f"{human!r} is nobody that aims.yaml names under people"
        if person.acts_for is not None:
            return f"{human} is a service account; a person approves"
        return self._apart(human, entry, step) or self._role(human, entry.spec, step, lent)

    def makers(self, entry: Entry) -> frozenset[str]:
        """The humans who made an entry: nobody's key rests on their word alone there."""
        named = {
            who
            for step in entry.steps
            for name in entry.spec.not_by
            if isinstance(who := getattr(entry.spec.body.of(step), name, None), str)
        }
        named |= {step.evidence.actor for step in entry.steps}
        return frozenset(map(self.people.human, named))

    def _apart(self, human: str, entry: Entry, step: Record) -> str | None:
        body = entry.spec.body.of(step)
        if entry.spec.by_owner and self.people.human(body.owner or "") != human:
            return f"{entry.spec.name} {entry.id} is accepted by its owner, {body.owner}"
        if self.alone:
            return None
        for name in entry.spec.not_by:
            who = getattr(body, name, None)
            if isinstance(who, str) and self.people.human(who) == human:
                return f"{human} is the {name.replace('_', ' ')} and may not also approve"
        if entry.spec.not_by_writer and human in self._writers(entry, step):
            return f"{human} wrote it into the register and may not also approve"
        return None

    def _writers(self, entry: Entry, step: Record) -> set[str]:
        """Who wrote what a record says: of a document, of that version; else of any step so far."""
        before = entry.steps[: entry.steps.index(step) + 1]
        if entry.spec.name == "document":
            version = DocumentBody.of(step).version
            before = tuple(one for one in before if DocumentBody.of(one).version == version)
        return {self.people.human(one.evidence.actor) for one in before}

    def _role(
        self, human: str, spec: RegisterSpec, step: Record, lent: frozenset[str]
    ) -> str | None:
        roles = self.roles(spec, step)
        if roles and not set(roles) & (lent | set(self.people.roles(human))):
            return f"{human} holds none of the roles {', '.join(roles)}"
        return None


def weighed(
    entry: Entry,
    approvals: Iterable[Record],
    acknowledgements: Iterable[Record],
    duties: Duties,
    keys: KeyOwners,
    delegations: Sequence[Record] = (),
) -> Signed:
    """What was signed about an entry, in the order of the log, weighed.

    delegations : records of kind `delegation`, in the order of the log.
    """
    steps = {step.id: step for step in entry.steps}
    counted: dict[str, Record] = {}
    refused: list[tuple[Record, str]] = []
    seen: set[bytes] = set()
    for record in approvals:
        body = EntryApprovalBody.of(record)
        human = duties.people.human(body.approver or "")
        words = signed_bytes(body.raw)
        why = "it repeats the signed words of an earlier record" if words in seen else None
        seen.add(words)
        lent = frozenset[str]()
        if delegations:
            lent = delegated_roles(human, delegations, keys, parse(record.received_at))
        why = why or _why_not(record, body, human, entry, steps, duties, keys, lent)
        if body.verdict in ("reject", "revoke"):
            if why is None or why.startswith(_APART):
                for id_ in [i for i, by in counted.items() if _human(by, duties) == human]:
                    del counted[id_]
                why = f"it is a {'refusal' if body.verdict == 'reject' else 'withdrawal'}"
            refused.append((record, why))
        elif why is not None:
            refused.append((record, why.removeprefix(_APART)))
        else:
            counted[str(body.record)] = record
    return Signed(counted, tuple(refused), _acknowledged(entry, acknowledgements, duties, keys))


_APART = "\0"  # begins a reason of who the approver is: it does not keep somebody from refusing


def _why_not(
    record: Record,
    body: EntryApprovalBody,
    human: str,
    entry: Entry,
    steps: Mapping[str, Record],
    duties: Duties,
    keys: KeyOwners,
    lent: frozenset[str],
) -> str | None:
    step = steps.get(str(body.record))
    if step is None or body.entry != entry.record_id or body.register != entry.register:
        return "it is about no record of this entry"
    if body.digest != entry.digest_of(step):
        return "it is bound to another content"
    if step.sequence > record.sequence:
        return "it was signed before the record that it names"
    if duties.people.human(record.evidence.actor) != human:
        return "its record was written by somebody other than the approver"
    if (why := keys.why_not(record, human)) is not None:
        return why
    if (why := duties.why_not(human, entry, step, lent)) is not None:
        return _APART + why
    roles = duties.roles(entry.spec, step)
    if roles and not set(roles) & (lent | set(body.roles or ())):
        return f"{_APART}{human} held none of the roles {', '.join(roles)} when approving"
    return None


def _human(record: Record, duties: Duties) -> str:
    return duties.people.human(EntryApprovalBody.of(record).approver or "")


def _acknowledged(
    entry: Entry, records: Iterable[Record], duties: Duties, keys: KeyOwners
) -> dict[str, dict[str, Record]]:
    steps = {step.id: step for step in entry.steps}
    found: dict[str, dict[str, Record]] = {}
    for record in records:
        body = AcknowledgementBody.of(record)
        human = duties.people.human(body.approver or "")
        step = steps.get(str(body.record))
        holds = (
            step is not None
            and body.entry == entry.record_id
            and body.digest == entry.digest_of(step)
            and duties.people.human(record.evidence.actor) == human
            and keys.why_not(record, human) is None
        )
        if holds:
            found.setdefault(str(body.record), {}).setdefault(human, record)
    return found
