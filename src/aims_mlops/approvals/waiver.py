"""A rule set aside: one rule, one model digest, another person's consent, an expiry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.decision import WaiverBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.kinds import SIGNED_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.policy.grammar import WaiversAllowed
from aims_mlops.policy.key_rule import KeyRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A waiver as its record holds it; `record` is the record's id."""

    record: str
    rule: str
    model: str
    target: str
    reason: str
    compensating_measure: str
    requester: str
    approver: str
    expires_at: str


def waivers_in_force(
    dossier: Dossier,
    allowed: WaiversAllowed,
    *,
    people: People,
    target: str,
    policy: str,
    now: datetime,
    key_rule: KeyRule,
) -> Mapping[str, Waiver]:
    """The waivers that stand now, by rule; expiry is computed here, never stored as a state."""
    return {
        waiver.rule: waiver
        for record, waiver, why in weigh_waivers(
            dossier,
            allowed,
            people=people,
            target=target,
            policy=policy,
            now=now,
            key_rule=key_rule,
        )
        if why is None and record.id == waiver.record
    }


def weigh_waivers(
    dossier: Dossier,
    allowed: WaiversAllowed,
    *,
    people: People,
    target: str,
    policy: str,
    now: datetime,
    key_rule: KeyRule,
) -> list[tuple[Record, Waiver, str | None]]:
    """Every readable waiver of this model, with why it does not stand; None if it does.

    key_rule : when a signature is a person's, as the policy asks for this system.
    """
    if not dossier.of_kind("waiver"):
        return []  # whose key is whose takes a look at every signature in the log
    signed = [r for r in dossier.records if r.evidence.kind in SIGNED_KINDS]
    makers = frozenset(people.human(name) for name in dossier.trainers)
    keys = KeyOwners.of(signed, people, rule=key_rule, interested=makers)
    found = []
    for record in dossier.of_kind("waiver"):
        waiver = _read(record)
        if waiver is not None:
            why = _why_not(record, waiver, dossier, allowed, keys, target, policy, now)
            found.append((record, waiver, why))
    return found


def _read(record: Record) -> Waiver | None:
    body = WaiverBody.of(record)
    names = [name for name in Waiver.__dataclass_fields__ if name != "record"]
    values = {name: getattr(body, name) for name in names}
    if not all(isinstance(value, str) and value for value in values.values()):
        return None
    return Waiver(record=record.id, **{name: str(value) for name, value in values.items()})


def _why_not(
    record: Record,
    waiver: Waiver,
    dossier: Dossier,
    allowed: WaiversAllowed,
    keys: KeyOwners,
    target: str,
    policy: str,
    now: datetime,
) -> str | None:
    people = keys.people
    if not allowed.allowed:
        return "the policy allows no waivers"
    if waiver.model != dossier.model or waiver.target != target:
        return "it is for another model digest or target"
    if WaiverBody.of(record).policy != policy:
        return "it was given under another policy"
    approver = people.human(waiver.approver)
    if people.human(record.evidence.actor) != approver:
        return "its record was written by somebody other than the approver"
    if (why := keys.why_not(record, approver)) is not None:
        return why
    held = set(people.roles(approver))
    if people.person(approver) is None or (allowed.roles and held.isdisjoint(allowed.roles)):
        return f"{approver} holds no role that may waive"
    if approver in {people.human(name) for name in (waiver.requester, *dossier.trainers)}:
        return f"{approver} asked for it or trained the model"
    try:
        expires = parse(waiver.expires_at)
    except ValueError:
        return "its expiry is no time"
    if expires > parse(record.received_at) + timedelta(days=allowed.max_days, minutes=1):
        return f"it runs longer than the {allowed.max_days} days of the policy"
    if now >= expires:
        return f"it expired at {waiver.expires_at}"
    return None
