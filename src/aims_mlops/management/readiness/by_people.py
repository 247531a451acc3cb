"""What people have to have put down: clauses 4 to 7, rule by rule. Pure."""

from __future__ import annotations

from aims_mlops.evidence.bodies.body import each_of
from aims_mlops.evidence.bodies.management import (
    ChosenControl,
    CompetenceBody,
    InterestedPartyBody,
    ObjectiveBody,
    Required,
    RiskBody,
)
from aims_mlops.management.readiness import by_checking
from aims_mlops.management.readiness.checks import (
    Found,
    aged,
    day_lately,
    document,
    entries,
    found_entry,
    in_force,
    met,
    missing,
    named,
    none_yet,
    partly,
    together,
)
from aims_mlops.management.readiness.picture import Picture
from aims_mlops.management.readiness.requirements import QUARTER, YEAR
from aims_mlops.management.registers.entry import Entry

_ROLES = ("top-management", "aims-manager", "risk-owner", "internal-auditor")


def issues_judged(picture: Picture) -> Found:
    """R02: the context is written down, and risks were drawn from it."""
    return together(document(picture, "context", every=YEAR), entries(picture, "risk", every=YEAR))


def requirements_addressed(picture: Picture) -> Found:
    """R04: each interested party's requirements say whether the AIMS takes them on."""

    def said(entry: Entry) -> bool:
        body = entry.body
        if not isinstance(body, InterestedPartyBody):
            return False
        wanted = each_of(body.requirements, Required)
        return bool(wanted) and all(one.addressed is not None for one in wanted)

    lacks = "no requirement that says whether it is addressed"
    return entries(picture, "interested-party", every=YEAR, needs=said, lacks=lacks)


def scope(picture: Picture) -> Found:
    """R05: the scope is in force, and every system in use is in the inventory."""
    known = {system.id for system in picture.systems}
    strange = sorted({str(use.system) for use in picture.in_use() if use.system not in known})
    if not known:
        listed = missing("aims.yaml lists no AI system", "aims init")
    elif strange:
        words = f"in use and not in aims.yaml: {named(strange)}"
        listed = partly(words, "add the system under systems in aims.yaml")
    else:
        listed = met(f"{len(known)} in the inventory")
    return together(document(picture, "scope", every=YEAR), listed)


def scope_available(picture: Picture) -> Found:
    """R06: the scope in force says where it is published."""
    return _published(picture, "scope")


def leadership(picture: Picture) -> Found:
    """R08: top management approved the policy and held a review within a year."""
    return together(policy(picture), by_checking.reviews(picture))


def responsible_use(picture: Picture) -> Found:
    """R09: somebody of top management told people within a year."""
    leaders = {person.id for person in picture.holders("top-management")}
    told = [
        entry
        for entry in picture.register.of_register("communication")
        if getattr(entry.body, "by", None) in leaders
    ]
    if not told:
        return missing(
            "no communication by a person of role top-management",
            "aims record add --template communication",
        )
    fresh = [e for e in told if day_lately(getattr(e.body, "when", None), picture.now, YEAR)]
    ids = [entry.latest.id for entry in fresh or told]
    if not fresh:
        words = "the last communication by top management is more than a year old"
        return aged(words, "aims record add --template communication", ids)
    return met(f"{len(fresh)} by top management within a year", ids)


def policy(picture: Picture) -> Found:
    """R10: an AI policy is in force; a person of role top-management approved it."""
    found = document(picture, "ai-policy", every=YEAR)
    if found.state in ("open", "in part"):
        return found
    entry = found_entry(picture, "ai-policy")
    version = entry.in_force
    leaders = {person.id for person in picture.holders("top-management")}
    if version is None or version.approved_by not in leaders:
        words = f"document {entry.id} was approved by nobody of role top-management"
        return partly(words, f"aims record approve document/{entry.id}", found.records)
    return found


def policy_known(picture: Picture) -> Found:
    """R11: the policy is published, and whoever must has read it."""
    return together(_published(picture, "ai-policy"), _acknowledged(picture, everybody=False))


def awareness(picture: Picture) -> Found:
    """R26: everybody has read and understood the policy."""
    return _acknowledged(picture, everybody=True)


def roles(picture: Picture) -> Found:
    """R12: each role is held, and each system has an owner and a risk owner who are listed."""
    known = {person.id for person in picture.people}
    empty = [role for role in _ROLES if not picture.holders(role)]
    loose = [
        system.id
        for system in picture.systems
        if system.owner not in known or system.risk_owner not in known
    ]
    if not known:
        return missing("aims.yaml lists nobody", "add people to aims.yaml")
    if empty:
        words = f"nobody holds {named(empty)}"
        return partly(words, "add the role to a person under people in aims.yaml")
    if loose:
        words = f"owner or risk owner of {named(loose)} is nobody of aims.yaml"
        return partly(words, "name owner and risk_owner under systems in aims.yaml")
    return met(f"{len(known)} people with roles")


def reporting(picture: Picture) -> Found:
    """R13: a person holds the role aims-manager."""
    held = picture.holders("aims-manager")
    if not held:
        words = "nobody holds the role aims-manager"
        return missing(words, "add roles: [aims-manager] to a person in aims.yaml")
    return met(f"held by {named([person.id for person in held])}")


def risk_process(picture: Picture) -> Found:
    """R14: a process is in force, and the register in use."""
    return together(
        document(picture, "risk-process", every=YEAR), entries(picture, "risk", every=YEAR)
    )


def risks_assessed(picture: Picture) -> Found:
    """R15: each system is named in an open risk that looks at people or society."""
    found = entries(picture, "risk", every=YEAR)
    if found.state != "met":
        return found
    covered: set[str] = set()
    for entry in picture.register.open("risk"):
        harm = entry.body.harm_to if isinstance(entry.body, RiskBody) else None
        if harm is not None and (harm.individuals or harm.groups or harm.society):
            covered.update(entry.systems)
    left = [system.id for system in picture.systems if system.id not in covered]
    if left:
        words = f"no risk about harm to people or society names {named(left)}"
        return partly(words, "aims record add --template risk", found.records)
    return found


def risk_criteria(picture: Picture) -> Found:
    """R16: the organisation decided on its scale."""
    if picture.settings.management.risk_scale is None:
        words = "aims.yaml has no management.risk_scale; the usual five by five is used"
        return missing(words, "add management: {risk_scale: …} to aims.yaml")
    return met("the scale is in aims.yaml")


def risks_kept(picture: Picture) -> Found:
    """R17: the register holds results, with their history."""
    found = picture.register.of_register("risk")
    if not found:
        return missing("no risk was ever recorded", "aims record add --template risk")
    return met(
        f"{len(found)} risks in {sum(len(e.steps) for e in found)} records",
        [entry.latest.id for entry in found],
    )


def treatment(picture: Picture) -> Found:
    """R18: each risk says its treatment and why its controls; the SoA is in force."""

    def treated(entry: Entry) -> bool:
        body = entry.body
        if not isinstance(body, RiskBody) or body.type == "opportunity":
            return True
        chosen = each_of(body.controls, ChosenControl)
        why = bool(chosen) and all(one.why for one in chosen)
        return body.treatment is not None and (why or body.treatment in ("accept", "avoid"))

    lacks = "no treatment, or controls without a reason"
    return together(
        entries(picture, "risk", every=YEAR, needs=treated, lacks=lacks),
        document(picture, "statement-of-applicability", every=YEAR),
    )


def residual_accepted(picture: Picture) -> Found:
    """R19: each open risk is accepted by its owner as it stands."""

    def accepted(entry: Entry) -> bool:
        kind = entry.body.type if isinstance(entry.body, RiskBody) else None
        return kind == "opportunity" or entry.approval is not None

    found = entries(picture, "risk", every=YEAR, needs=accepted, lacks="not accepted by its owner")
    if found.state == "in part":
        step = found.next_step.replace("record change", "record approve")
        return Found(found.state, found.why, found.records, step.removesuffix(" --from FILE"))
    return found


def objectives(picture: Picture) -> Found:
    """R20: objectives have a figure in the log, or a value that a person gave."""

    def measurable(entry: Entry) -> bool:
        body = entry.body
        return isinstance(body, ObjectiveBody) and (
            body.figure is not None or body.value is not None
        )

    return entries(
        picture, "objective", every=QUARTER, needs=measurable, lacks="neither figure nor value"
    )


def plans(picture: Picture) -> Found:
    """R21: objectives say who, by when and how."""

    def planned(entry: Entry) -> bool:
        body = entry.body
        return isinstance(body, ObjectiveBody) and bool(body.owner and body.plan and body.due)

    lacks = "no owner, plan or day"
    return entries(picture, "objective", every=QUARTER, needs=planned, lacks=lacks)


def changes(picture: Picture) -> Found:
    """R22: what changed of the AIMS was planned."""
    if not picture.register.of_register("aims-change"):
        return none_yet("no change of the AIMS was recorded")

    def planned(entry: Entry) -> bool:
        return all(getattr(entry.body, name, None) for name in ("consequences", "responsibilities"))

    if not picture.register.open("aims-change"):
        done = picture.register.of_register("aims-change")
        return met(f"{len(done)} changes, all closed", [e.latest.id for e in done])
    lacks = "no consequences or responsibilities"
    return entries(picture, "aims-change", every=None, needs=planned, lacks=lacks)


def resources(picture: Picture) -> Found:
    """R23: resources are determined, and listed."""
    return together(
        document(picture, "resources", every=YEAR), entries(picture, "resource", every=None)
    )


def competent(picture: Picture) -> Found:
    """R24: each person with a role has a verified competence that has not run out."""
    people = [person.id for person in picture.people if person.roles]
    if not people:
        return missing("nobody of aims.yaml has a role", "add roles to people in aims.yaml")
    open_ = picture.register.open("competence")
    good = {
        entry.body.person: entry.latest.id
        for entry in open_
        if isinstance(entry.body, CompetenceBody)
        and entry.approval is not None
        and not entry.is_expired(picture.now)
    }
    expired = [
        str(entry.body.person)
        for entry in open_
        if isinstance(entry.body, CompetenceBody)
        and entry.is_expired(picture.now)
        and entry.body.person not in good
    ]
    left = [person for person in people if person not in good]
    ids = [good[person] for person in people if person in good]
    if not left:
        return met(f"{len(ids)} people, each verified by another", ids)
    add = "aims record add --template competence"
    if set(left) <= set(expired):
        return aged(f"competence has run out: {named(left)}", add, ids)
    words = f"no verified competence: {named(left)}"
    return partly(words, add, ids) if ids else missing(words, add, [e.latest.id for e in open_])


def needed(picture: Picture) -> Found:
    """R25: for each role that somebody holds it is written down what is needed."""
    held = sorted({role for person in picture.people for role in person.roles})
    found = picture.register.open("competence")
    if not found:
        words = "register competence has no open entry"
        return missing(words, "aims record add --template competence")
    said = {e.body.role for e in found if isinstance(e.body, CompetenceBody)}
    left = [role for role in held if role not in said]
    ids = [entry.latest.id for entry in found]
    if left:
        words = f"nothing says what is needed for {named(left)}"
        return partly(words, "aims record add --template competence", ids)
    return met(f"for {len(held)} roles", ids)


def communications(picture: Picture) -> Found:
    """R27: a plan is in force, and something was told within a year."""
    told = [
        entry
        for entry in picture.register.of_register("communication")
        if day_lately(getattr(entry.body, "when", None), picture.now, YEAR)
    ]
    lately_told = (
        met(f"{len(told)} within a year", [entry.latest.id for entry in told])
        if told
        else missing("no communication within a year", "aims record add --template communication")
    )
    return together(document(picture, "communication-plan", every=YEAR), lately_told)


def _published(picture: Picture, type_: str) -> Found:
    version, found = in_force(picture, type_)
    if version is None:
        return found
    id_ = found_entry(picture, type_).id
    if not version.body.published:
        words = f"document {id_} does not say where it is published"
        return partly(words, f"aims record change document/{id_} --from FILE", found.records)
    return met(f"document {id_} says where it is published", found.records)


def _acknowledged(picture: Picture, *, everybody: bool) -> Found:
    version, found = in_force(picture, "ai-policy")
    if version is None:
        return found
    id_ = found_entry(picture, "ai-policy").id
    asked = set(version.body.acknowledge_by or ())
    wanted = [
        person.id for person in picture.people if everybody or asked.intersection(person.roles)
    ]
    read = {person: record.id for person, record in version.acknowledgements.items()}
    left = [person for person in wanted if person not in read and person != version.approved_by]
    ids = [*found.records, *(read[person] for person in wanted if person in read)]
    if left:
        words = f"{named(left)} did not acknowledge document {id_}"
        return partly(words, f"aims record acknowledge document/{id_}", ids)
    if not wanted:
        words = f"document {id_} names nobody who has to acknowledge it"
        return partly(words, f"aims record change document/{id_} --from FILE", ids)
    return met(f"{len(wanted)} people acknowledged document {id_}", ids)
