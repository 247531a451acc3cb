"""The registers as the log has them, now or as they were known at a past moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.kinds import MANAGEMENT_KINDS, SIGNED_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.evidence.store import signed
from aims_mlops.inventory.project import Project
from aims_mlops.inventory.renames import KIND as RENAME
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.weigh import Duties

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

# Consent to models is read too: it shows which key somebody signed with first.
READ_KINDS = tuple(dict.fromkeys((*MANAGEMENT_KINDS, *SIGNED_KINDS, RENAME)))


def open_register(
    project: Project, store: EvidenceStore, *, at: datetime | None = None
) -> Register:
    """Everything that people put down, read once; raises StoreError and VerificationError.

    at : only what the log had received by then counts; people and roles are those of aims.yaml now.
    """
    return register_of(project, signed(store).find(kind=READ_KINDS), at=at)


def register_of(
    project: Project, records: Iterable[Record], *, at: datetime | None = None
) -> Register:
    """The same from records that somebody has read, of any kinds, in the order of the log."""
    if at is not None:
        until = stamp(at)
        records = (record for record in records if record.received_at <= until)
    wanted = (record for record in records if record.evidence.kind in _READ)
    return Register.of(wanted, duties=duties_of(project))


def duties_of(project: Project) -> Duties:
    """Who may sign what, as aims.yaml says."""
    settings = project.settings
    return Duties(project.humans, settings.management.approvers, settings.single_user)


_READ = frozenset(READ_KINDS)
