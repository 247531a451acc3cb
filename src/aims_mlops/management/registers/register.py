"""Everything that people put down for the management system, folded once from records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from aims_mlops.approvals.keys.enrolment import KIND as ENROLMENT
from aims_mlops.approvals.keys.enrolment import Enrolments
from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.evidence.bodies.consent import AboutEntryBody
from aims_mlops.evidence.bodies.management import DocumentBody
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.renames import KIND as RENAME
from aims_mlops.inventory.renames import Names
from aims_mlops.management.registers.document import DocumentEntry
from aims_mlops.management.registers.entry import Entry
from aims_mlops.management.registers.spec import (
    ACKNOWLEDGEMENT,
    APPROVAL,
    BY_KIND,
    REGISTERS,
    RegisterSpec,
)
from aims_mlops.management.registers.weigh import Duties, weighed
from aims_mlops.operations import lifecycle
from aims_mlops.policy.key_rule import KeyRule


@dataclass(frozen=True)
class Register:
    """All entries of all registers, by kind and by the id of the record that opened them."""

    known: Mapping[str, Mapping[str, Entry]]
    duties: Duties = field(default_factory=Duties)

    @classmethod
    def of(
        cls, records: Iterable[Record], *, duties: Duties | None = None, rule: KeyRule | None = None
    ) -> Register:
        """From records in the order of the log; those of other kinds say whose key is whose.

        rule : when a signature is a person's; confirmed keys where duties can be kept apart.
        """
        duties = duties or Duties()
        rule = rule or KeyRule(confirmed=not duties.alone)
        known: dict[str, dict[str, Entry]] = {kind: {} for kind in BY_KIND}
        signed: list[Record] = []
        renames: list[Record] = []
        for record in records:
            spec = BY_KIND.get(record.evidence.kind)
            if record.evidence.kind == RENAME:
                renames.append(record)
            elif spec is None:
                signed.append(record)
            else:
                _take(known[spec.kind], record, spec)
        found = cls(known, duties)
        names = Names(renames)
        for entry in found.all() if renames else ():
            entry.names = names
        if signed:
            found._weigh(signed, rule)
        return found

    def of_register(self, name: str) -> tuple[Entry, ...]:
        """The entries of a register, closed ones too, in the order of the log."""
        return tuple(self.known[REGISTERS[name].kind].values())

    def open(self, name: str) -> tuple[Entry, ...]:
        """The entries of a register that are neither closed nor superseded."""
        return tuple(entry for entry in self.of_register(name) if entry.is_open)

    @property
    def documents(self) -> tuple[DocumentEntry, ...]:
        """Every document, in the order of the log."""
        found = self.of_register("document")
        return tuple(entry for entry in found if isinstance(entry, DocumentEntry))

    def documents_of(self, type_: str) -> tuple[DocumentEntry, ...]:
        """The documents of a type, such as ai-policy, that are open."""
        return tuple(entry for entry in self.documents if entry.is_open and entry.type == type_)

    def entry(self, register: str, id_: str) -> Entry | None:
        """The entry with this id of the organisation's."""
        return self._by_id[REGISTERS[register].kind].get(id_)

    def by_record(self, record_id: str) -> Entry | None:
        """The entry that a record, by its whole id, opened or carried on."""
        return self._by_record.get(record_id)

    def all(self) -> tuple[Entry, ...]:
        """Every entry, register by register."""
        return tuple(entry for entries in self.known.values() for entry in entries.values())

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Entry]]:
        # The first with an id keeps it: whoever forges another into the log does not replace it.
        found: dict[str, dict[str, Entry]] = {}
        for kind, entries in self.known.items():
            ids: dict[str, Entry] = {}
            for entry in entries.values():
                ids.setdefault(entry.id, entry)
            found[kind] = ids
        return found

    @cached_property
    def _by_record(self) -> dict[str, Entry]:
        return {id_: entry for entry in self.all() for id_ in entry.record_ids}

    def _weigh(self, signed: list[Record], rule: KeyRule) -> None:
        about: dict[str, tuple[list[Record], list[Record]]] = {}
        for record in signed:
            if record.evidence.kind in (APPROVAL, ACKNOWLEDGEMENT):
                lists = about.setdefault(str(AboutEntryBody.of(record).entry), ([], []))
                lists[record.evidence.kind == ACKNOWLEDGEMENT].append(record)
        if not about:
            return
        keys = _Keys(signed, self.duties, rule)
        opened = {id_: entry for entries in self.known.values() for id_, entry in entries.items()}
        for id_, (approvals, acknowledgements) in about.items():
            entry = opened.get(id_)
            if entry is not None:
                entry.signed = weighed(
                    entry,
                    approvals,
                    acknowledgements,
                    self.duties,
                    keys.for_entry(entry),
                    keys.delegations,
                )
        for document in self.documents:
            if not document.is_closed and document.in_force is not None:
                self._supersede(document)

    def _supersede(self, document: DocumentEntry) -> None:
        version = document.in_force
        for other in (version.body.supersedes or ()) if version is not None else ():
            replaced = self.entry("document", str(other))
            if isinstance(replaced, DocumentEntry) and replaced is not document:
                replaced.superseded_by = document.id
                vars(replaced).pop("versions", None)


class _Keys:
    """Whose key is whose, seen by each entry: whoever made it vouches for nobody's key there."""

    def __init__(self, signed: list[Record], duties: Duties, rule: KeyRule) -> None:
        self.delegations = [r for r in signed if r.evidence.kind == "delegation"]
        self._enrolments = [r for r in signed if r.evidence.kind == ENROLMENT]
        self._duties = duties
        self._keys = KeyOwners.of(signed, duties.people, rule=rule)
        self._seen: dict[frozenset[str], KeyOwners] = {}

    def for_entry(self, entry: Entry) -> KeyOwners:
        makers = self._duties.makers(entry)
        if makers not in self._seen:
            found = Enrolments.of(self._enrolments, self._duties.people, interested=makers)
            self._seen[makers] = replace(self._keys, enrolments=found)
        return self._seen[makers]


def _take(known: dict[str, Entry], record: Record, spec: RegisterSpec) -> None:
    lifecycle.take(known, record, opened=lambda first: _opened(first, spec), after=_after)


def _opened(record: Record, spec: RegisterSpec) -> Entry:
    body = spec.body.of(record)
    made = DocumentEntry if isinstance(body, DocumentBody) else Entry
    return made(spec, (record,), body, body.step == "close")


def _after(entry: Entry, record: Record) -> Entry:
    body = entry.spec.body.of(record)
    entry.steps = (*entry.steps, record)
    entry.body = body
    entry.is_closed = body.step == "close"
    return entry
