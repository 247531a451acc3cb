"""What the log shows by itself: clause 8, life cycle, data, 9.1 and 10.2, rule by rule. Pure."""

from __future__ import annotations

from aims_mlops.evidence.bodies.body import each_of
from aims_mlops.evidence.bodies.management import Agreement, Diligence, SupplierEntryBody
from aims_mlops.evidence.bodies.operation import MonitoringRunBody
from aims_mlops.evidence.records import Record
from aims_mlops.management.readiness import gaps
from aims_mlops.management.readiness.checks import (
    Found,
    aged,
    document,
    entries,
    lately,
    met,
    missing,
    named,
    none_yet,
    partly,
    together,
)
from aims_mlops.management.readiness.picture import Picture
from aims_mlops.management.readiness.requirements import QUARTER, YEAR
from aims_mlops.operations.in_use import InUse

_MONTH = 35
_NOTHING = "nothing is promoted or deployed"


def operation(picture: Picture) -> Found:
    """R31: policies are pinned, the gate decides, what is in use is watched."""
    uses = list(picture.in_use())
    if not uses:
        return none_yet(_NOTHING)
    policy = picture.newest.get(("policy", None))
    decision = picture.newest.get(("decision", None))
    if policy is None or decision is None:
        return partly(
            "no policy or no decision of the gate is in the log",
            "aims gate MODEL --for production",
            [record.id for record in (policy, decision) if record is not None],
        )
    kept = met("policies and decisions are in the log", [policy.id, decision.id])
    return together(kept, monitored(picture))


def assessment_process(picture: Picture) -> Found:
    """R32: a process is in force."""
    return document(picture, "impact-assessment-process", every=YEAR)


def assessed_before(picture: Picture) -> Found:
    """R33: what is in use was assessed and approved before it was."""
    uses = list(picture.in_use())
    if not uses:
        return none_yet(_NOTHING)
    late = [gap for gap in gaps.assessed_after(picture) if gap.current]
    ids = [use.record.id for use in uses]
    if not late:
        return met(f"{len(uses)} in use, each assessed and approved before", ids)
    words = f"in use before its assessment was approved: {named([gap.thing for gap in late])}"
    step = late[0].next_step
    if len(late) == len(uses):
        return missing(words, step, ids)
    return partly(words, step, ids)


def assessments_kept(picture: Picture) -> Found:
    """R34: assessments and approvals are in the log for what is in use."""
    uses = list(picture.in_use())
    if not uses and not picture.assessments:
        return none_yet("nothing was assessed, and nothing is in use")
    ids = [record.id for record in picture.assessments[-20:]]
    left = [use for use in uses if not picture.approvals_of(use.model)]
    if left:
        words = f"no approval in the log for {named([use.words for use in left])}"
        step = "aims assess submit --model MODEL; aims assess approve --model MODEL"
        return partly(words, step, ids) if ids else missing(words, step)
    return met(f"{len(picture.assessments)} assessments with what was decided", ids)


def life_cycle(picture: Picture) -> Found:
    """R35: the log has something of each system, from its first run on."""
    if not picture.systems:
        return missing("aims.yaml lists no AI system", "aims init")
    seen = {system for kind, system in picture.newest if kind in ("run", "deployment", "promotion")}
    left = [system.id for system in picture.systems if system.id not in seen]
    ids = [
        picture.newest[kind, system.id].id
        for system in picture.systems
        for kind in ("run", "deployment")
        if (kind, system.id) in picture.newest
    ]
    if not left:
        return met(f"{len(picture.systems)} systems with a history", ids)
    words = f"the log has no run or deployment of {named(left)}"
    step = f"aims.training(system={left[0]!r}), or record where it is deployed"
    return partly(words, step, ids) if ids else missing(words, step)


def described(picture: Picture) -> Found:
    """R36: each system says purpose, intended use and foreseeable misuse."""
    if not picture.systems:
        return missing("aims.yaml lists no AI system", "aims init")
    left = [
        system.id
        for system in picture.systems
        if not (system.purpose and system.intended_use and any(system.foreseeable_misuse))
    ]
    if left:
        words = f"purpose, intended use or foreseeable misuse is empty: {named(left)}"
        step = "fill it in under systems in aims.yaml, then: aims lint"
        return missing(words, step) if len(left) == len(picture.systems) else partly(words, step)
    return met(f"{len(picture.systems)} systems are described")


def data(picture: Picture) -> Found:
    """R37: of each system in use the log has data, their quality, and the log of predictions.

    Of one that others made, the log of predictions alone.
    """
    return _each_system(picture, ("dataset", "data-quality"), ("inference-log",))


def bias(picture: Picture) -> Found:
    """R38: bias was measured of what is in use, and is measured in operation.

    Of a system that others made, in operation alone.
    """
    uses = list(picture.in_use())
    if not uses:
        return none_yet(_NOTHING)
    others = _bought_in(picture)
    left = [use for use in _uses_without(picture, uses, "bias") if use.system not in others]
    ids = [r.id for use in uses for r in picture.about.get(("bias", use.model), [])[-1:]]
    if left:
        words = f"bias was not measured of {named([use.words for use in left])}"
        step = "run.check(…, sensitive=…) in an evaluation of the model"
        return partly(words, step, ids) if ids else missing(words, step)
    watching = _systems_in_use(picture)
    newest = [picture.newest.get(("bias", system)) for system in watching]
    old = [
        str(system)
        for system, record in zip(watching, newest, strict=True)
        if record is None or not lately(record.received_at, picture.now, QUARTER)
    ]
    if old:
        words = f"bias in operation was not measured for a quarter: {named(old)}"
        return aged(words, "monitoring: measures: [bias] in aims.yaml, then: aims monitor run", ids)
    return met(f"measured of {len(uses)} in use", ids)


def roles_of_organisation(picture: Picture) -> Found:
    """R39: of each system it is said what the organisation is to it."""
    if not picture.systems:
        return missing("aims.yaml lists no AI system", "aims init")
    left = [system.id for system in picture.systems if not system.organisation_roles]
    if left:
        words = f"organisation_roles is empty: {named(left)}"
        step = "organisation_roles: [developer, provider, deployer or user] in aims.yaml"
        return missing(words, step) if len(left) == len(picture.systems) else partly(words, step)
    return met(f"said for {len(picture.systems)} systems")


def suppliers(picture: Picture) -> Found:
    """R40: who supplies what is in use was looked at, and the agreement covers AI."""
    loose = gaps.third_party(picture)
    if loose:
        words = f"no supplier covers {named([gap.thing for gap in loose])}"
        found = [entry.latest.id for entry in picture.register.open("supplier")]
        return (
            partly(words, loose[0].next_step, found)
            if found
            else missing(words, loose[0].next_step)
        )
    if not picture.register.of_register("supplier"):
        return none_yet("nothing that others supply was seen or declared")
    bad = []
    for entry in picture.register.open("supplier"):
        body = entry.body
        known = isinstance(body, SupplierEntryBody)
        looked = known and each_of([body.raw.get("due_diligence")], Diligence)
        agreed = known and each_of([body.raw.get("agreement")], Agreement)
        if not looked or not agreed or not agreed[0].covers_ai:
            bad.append(entry.id)
    ids = [entry.latest.id for entry in picture.register.open("supplier")]
    expired = [e.id for e in picture.register.open("supplier") if e.is_expired(picture.now)]
    if bad:
        words = f"no due diligence, or an agreement that does not cover AI: {named(bad)}"
        return partly(words, f"aims record change supplier/{bad[0]} --from FILE", ids)
    if expired:
        words = f"the agreement has run out: {named(expired)}"
        return aged(words, f"aims record change supplier/{expired[0]} --from FILE", ids)
    return entries(picture, "supplier", every=YEAR)


def disclosure(picture: Picture) -> Found:
    """R41: criteria are in force."""
    return document(picture, "disclosure-criteria", every=YEAR)


def measured_how(picture: Picture) -> Found:
    """R42: each system in use has a schedule, and objectives say what is held against what."""
    left = [
        system.id
        for system in picture.systems
        if system.id in _systems_in_use(picture) and not system.monitoring
    ]
    if left:
        schedules = partly(
            f"no monitoring is declared for {named(left)}",
            "monitoring: under the system in aims.yaml",
        )
    elif not _systems_in_use(picture):
        schedules = none_yet(_NOTHING)
    else:
        schedules = met(f"{len(_systems_in_use(picture))} systems in use are scheduled")
    return together(entries(picture, "objective", every=YEAR), schedules)


def monitored(picture: Picture) -> Found:
    """R43: each system in use was measured within a month."""
    systems = _systems_in_use(picture)
    if not systems:
        return none_yet(_NOTHING)
    good, old, never = [], [], []
    for system in systems:
        record = picture.newest.get(("monitoring-run", system))
        if record is None:
            never.append(str(system))
        elif not _measured(record, picture):
            old.append(str(system))
        else:
            good.append(record.id)
    step = "aims monitor run"
    if never:
        words = f"never measured in operation: {named(never)}"
        return partly(words, step, good) if good else missing(words, step)
    if old:
        return aged(f"not measured within a month: {named(old)}", step, good)
    return met(f"{len(good)} systems measured within a month", good)


def against_objectives(picture: Picture) -> Found:
    """R44: objectives that name a figure have one in the log within a quarter."""
    found = [e for e in picture.register.open("objective") if e.body.raw.get("figure")]
    if not found:
        return missing(
            "no objective names a figure of the log", "aims record add --template objective"
        )
    old: list[str] = []
    ids: list[str] = []
    for entry in found:
        figure = entry.body.raw["figure"]
        kind, system = str(figure.get("kind")), figure.get("system")
        record = picture.newest.get((kind, system))
        if record is None or not lately(record.received_at, picture.now, QUARTER):
            old.append(entry.id)
        else:
            ids.append(record.id)
    if not old:
        return met(f"{len(found)} objectives with a figure within a quarter", ids)
    words = f"no figure within a quarter: {named(old)}"
    return aged(words, "aims monitor run", ids) if ids else missing(words, "aims monitor run")


def nonconformities(picture: Picture) -> Found:
    """R52: what was found wrong has a cause and is not overdue."""
    found = picture.nonconformities
    if not found:
        return none_yet("nothing was found wrong yet")
    late = [one for one in found if one.is_overdue(picture.now)]
    ids = [one.id for one in found[-20:]]
    if late:
        words = f"{len(late)} of {len(found)} are overdue, the first {late[0].id[:8]}"
        return partly(words, f"aims nonconformity show {late[0].id[:12]}", ids)
    return met(f"{len(found)} found, none overdue", ids)


def corrective_action(picture: Picture) -> Found:
    """R53: what was closed had an action whose effect somebody else checked."""
    closed = [one for one in picture.nonconformities if not one.is_open]
    if not closed:
        return none_yet("nothing that was found wrong is closed yet")
    bad = [one for one in closed if one.corrective_action and not one.effect]
    ids = [step.id for one in closed[-20:] for step in one.steps[-1:]]
    if bad:
        words = f"{len(bad)} closed without saying what came of the action"
        return partly(words, f"aims nonconformity show {bad[0].id[:8]}", ids)
    return met(f"{len(closed)} closed, with what came of it", ids)


def corrections_kept(picture: Picture) -> Found:
    """R54: the results of corrective action are in the log."""
    closed = [one for one in picture.nonconformities if not one.is_open]
    if not closed:
        return none_yet("nothing that was found wrong is closed yet")
    return met(f"{len(closed)} closed", [step.id for one in closed[-20:] for step in one.steps])


def _measured(record: Record, picture: Picture) -> bool:
    """Whether a scheduled run is of the last month and did not fail."""
    fresh = lately(record.received_at, picture.now, _MONTH)
    return fresh and MonitoringRunBody.of(record).outcome != "failed"


def _systems_in_use(picture: Picture) -> list[str | None]:
    return list(dict.fromkeys(use.system for use in picture.in_use()))


def _uses_without(picture: Picture, uses: list[InUse], kind: str) -> list[InUse]:
    """Those of whose content the log has no record of a kind."""
    return [use for use in uses if not picture.about.get((kind, use.model))]


def _bought_in(picture: Picture) -> frozenset[str]:
    """Systems to which the organisation is deployer or user alone: others made them."""
    return frozenset(
        system.id
        for system in picture.systems
        if system.organisation_roles
        and not {"developer", "provider"}.intersection(system.organisation_roles)
    )


def _each_system(picture: Picture, made: tuple[str, ...], used: tuple[str, ...]) -> Found:
    systems = _systems_in_use(picture)
    if not systems:
        return none_yet(_NOTHING)
    others = _bought_in(picture)
    left: list[str] = []
    ids: list[str] = []
    for system in systems:
        for kind in used if system in others else (*made, *used):
            record = picture.newest.get((kind, system))
            if record is None:
                left.append(f"{kind} of {system}")
            else:
                ids.append(record.id)
    if left:
        words = f"the log has no {named(left)}"
        step = "aims report coverage"
        return partly(words, step, ids) if ids else missing(words, step)
    return met(f"data, quality and predictions of {len(systems)} systems", ids)
