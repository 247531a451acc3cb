"""What is checked and improved: clauses 9.2, 9.3 and 10.1, rule by rule. Pure."""

from __future__ import annotations

from aims_mlops.evidence.bodies.body import each_of
from aims_mlops.evidence.bodies.management import (
    Action,
    AuditBody,
    ManagementReviewBody,
)
from aims_mlops.management.readiness.checks import (
    Found,
    aged,
    day_lately,
    last_touched,
    lately,
    met,
    missing,
    named,
    partly,
)
from aims_mlops.management.readiness.picture import Picture
from aims_mlops.management.readiness.requirements import QUARTER, YEAR
from aims_mlops.management.registers.entry import Entry, day_of


def audits(picture: Picture) -> Found:
    """R45: an internal audit was performed within a year."""
    return _held(picture, "audit", "performed", "internal audit")


def audits_reported(picture: Picture) -> Found:
    """R47: each audit was reported, and nobody audited their own work."""
    found = picture.register.of_register("audit")
    if not found:
        return missing("no audit was recorded", "aims record add --template audit")
    bad = []
    for entry in found:
        body = entry.body
        if isinstance(body, AuditBody) and (
            not body.reported_to or body.auditor in (body.audited or [])
        ):
            bad.append(entry.id)
    ids = [entry.latest.id for entry in found]
    if bad:
        words = f"reported to nobody, or by the audited: {named(bad)}"
        return partly(words, f"aims record change audit/{bad[0]} --from FILE", ids)
    return met(f"{len(found)} audits, each reported", ids)


def reviews(picture: Picture) -> Found:
    """R48: top management approved a review that was held within a year."""
    return _held(picture, "management-review", "held", "management review", approved=True)


def review_inputs(picture: Picture) -> Found:
    """R49: the newest review names the pack that was looked at, by digest."""
    newest = _newest_review(picture)
    if newest is None:
        return missing(
            "no management review was recorded", "aims record add --template management-review"
        )
    pack = getattr(newest.body, "pack", None)
    wrong = picture.wrong_pack(str(pack)) if pack else "names no review pack"
    if wrong is not None:
        words = f"management review {newest.id}: {wrong}"
        return partly(
            words,
            f"aims record change management-review/{newest.id} --from FILE",
            newest.record_ids,
        )
    return met(f"management review {newest.id} names its pack", newest.record_ids)


def review_results(picture: Picture) -> Found:
    """R50: the newest review has decisions or actions, and no action is overdue."""
    newest = _newest_review(picture)
    if newest is None:
        return missing(
            "no management review was recorded", "aims record add --template management-review"
        )
    body = newest.body
    acts = each_of(body.actions, Action) if isinstance(body, ManagementReviewBody) else []
    said = acts or (isinstance(body, ManagementReviewBody) and body.decisions)
    change = f"aims record change management-review/{newest.id} --from FILE"
    if not said:
        words = f"management review {newest.id} has neither decisions nor actions"
        return partly(words, change, newest.record_ids)
    today = picture.now.date()
    late = [one for one in acts if one.done is None and (day_of(one.due) or today) < today]
    if late:
        words = f"{len(late)} actions of management review {newest.id} are overdue"
        return partly(words, change, newest.record_ids)
    return met(f"management review {newest.id}: {len(acts)} actions", newest.record_ids)


def improvements(picture: Picture) -> Found:
    """R51: something to improve was found or carried on within a quarter."""
    found = picture.register.of_register("improvement")
    if not found:
        return missing("no improvement was recorded", "aims record add --template improvement")
    newest = max(found, key=last_touched)
    ids = [entry.latest.id for entry in found]
    if not lately(last_touched(newest), picture.now, QUARTER):
        words = f"register improvement was last touched on {last_touched(newest)[:10]}"
        return aged(words, "aims record add --template improvement", ids)
    return met(f"{len(found)} improvements", ids)


def improved(picture: Picture) -> Found:
    """R55: an improvement was carried through within a year."""
    found = picture.register.of_register("improvement")
    done = [e for e in found if e.is_closed and lately(e.changed_at, picture.now, YEAR)]
    if done:
        return met(f"{len(done)} carried through within a year", [e.latest.id for e in done])
    if found:
        words = "no improvement was carried through within a year"
        close = f"aims record close improvement/{found[0].id} --reason WHY"
        return partly(words, close, [e.latest.id for e in found])
    return missing("no improvement was recorded", "aims record add --template improvement")


def _held(
    picture: Picture, register: str, day: str, words: str, *, approved: bool = False
) -> Found:
    found = picture.register.of_register(register)
    add = f"aims record add --template {register}"
    held: list[Entry] = [entry for entry in found if getattr(entry.body, day, None)]
    if not held:
        return missing(f"no {words} was held", add, [e.latest.id for e in found])
    fresh = [e for e in held if day_lately(getattr(e.body, day, None), picture.now, YEAR)]
    ids = [entry.latest.id for entry in fresh or held]
    if not fresh:
        return aged(f"the last {words} is more than a year old", add, ids)
    if approved and all(entry.approval is None for entry in fresh):
        step = f"aims record approve {register}/{fresh[-1].id}"
        return partly(f"{words} {fresh[-1].id} waits for top management", step, ids)
    return met(f"{len(fresh)} within a year", ids)


def _newest_review(picture: Picture) -> Entry | None:
    found = picture.register.of_register("management-review")
    return max(found, key=lambda entry: str(getattr(entry.body, "held", "")), default=None)
