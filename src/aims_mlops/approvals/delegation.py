"""A role handed to another person for a time, and taken back, as signed records. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aims_mlops.approvals.keys.signature import signed_bytes
from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.evidence.bodies.consent import DelegationBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.records import Record


def delegated_roles(
    human: str, delegations: Sequence[Record], keys: KeyOwners, moment: datetime
) -> frozenset[str]:
    """The roles that others had handed to a human at a moment.

    delegations : records of kind `delegation`, in the order of the log. The newest of one person
        to another replaces those before it, so that handing over no role takes everything back.
    keys : whose key is whose: a delegation counts if the giver's own key signed it.
    Nobody hands over a role that aims.yaml does not give them: a delegated role goes no further.
    """
    people = keys.people
    newest: dict[str, Record] = {}
    seen: set[bytes] = set()
    for record in delegations:
        body = DelegationBody.of(record)
        words = signed_bytes(body.raw)
        if words in seen:
            continue  # the same signed words again would undo that they were taken back
        seen.add(words)
        giver = people.human(body.approver or "")
        if people.human(body.to or "") != human or parse(record.received_at) > moment:
            continue
        if people.human(record.evidence.actor) == giver and keys.why_not(record, giver) is None:
            newest[giver] = record
    found: set[str] = set()
    for giver, record in newest.items():
        body = DelegationBody.of(record)
        try:
            over = moment >= parse(body.valid_until or "")
        except ValueError:
            continue
        if not over:
            found |= set(body.roles or ()) & set(people.roles(giver))
    return frozenset(found)
