"""The parts that requirements are judged by: documents in force, entries in use, dates. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aims_mlops.evidence.clock import parse
from aims_mlops.management.readiness.picture import Picture
from aims_mlops.management.registers.document import DocumentEntry, Version
from aims_mlops.management.registers.entry import Entry

State = Literal["met", "in part", "out of date", "open", "not applicable"]
# Best first; of several things that a requirement asks for, the worst decides.
STATES: tuple[State, ...] = ("met", "not applicable", "out of date", "in part", "open")


@dataclass(frozen=True, slots=True)
class Found:
    """What one check came to.

    why : in words.  records : ids of what shows it.  next_step : what to do; empty if met.
    until : when it will be out of date.
    """

    state: State
    why: str
    records: tuple[str, ...] = ()
    next_step: str = ""
    until: datetime | None = None


def met(why: str, records: Iterable[str] = (), until: datetime | None = None) -> Found:
    """It is there."""
    return Found("met", why, tuple(records), until=until)


def missing(why: str, next_step: str, records: Iterable[str] = ()) -> Found:
    """Nothing of it is there."""
    return Found("open", why, tuple(records), next_step)


def partly(why: str, next_step: str, records: Iterable[str] = ()) -> Found:
    """Something of it is missing."""
    return Found("in part", why, tuple(records), next_step)


def aged(why: str, next_step: str, records: Iterable[str] = ()) -> Found:
    """It was there, too long ago."""
    return Found("out of date", why, tuple(records), next_step)


def none_yet(why: str) -> Found:
    """There is nothing that it could be about."""
    return Found("not applicable", why)


def together(*found: Found) -> Found:
    """All of them: met if each is; open if none has begun; otherwise what is worst."""
    counted = [one for one in found if one.state != "not applicable"]
    if not counted:
        return found[0]
    records = tuple(dict.fromkeys(id_ for one in counted for id_ in one.records))
    states = {one.state for one in counted}
    if states == {"met"}:
        ends = [one.until for one in counted if one.until is not None]
        return met(
            "; ".join(dict.fromkeys(one.why for one in counted)), records, min(ends, default=None)
        )
    lacking = [one for one in counted if one.state != "met"]
    worst: State = "in part" if states != {"open"} else "open"
    if states <= {"met", "out of date"}:
        worst = "out of date"
    why = "; ".join(dict.fromkeys(one.why for one in lacking))
    return Found(worst, why, records, lacking[0].next_step)


def document(picture: Picture, type_: str, *, every: int | None) -> Found:
    """A document of this type is in force, and was approved or reviewed lately."""
    version, found = in_force(picture, type_)
    if version is None:
        return found
    entry = found_entry(picture, type_)
    records = _records(version)
    if entry.review_overdue(picture.now):
        return aged(
            f"document {entry.id}: its review was due on {entry.review}",
            f"aims record change document/{entry.id} --from FILE",
            records,
        )
    return _fresh(
        f"document {entry.id} {version.version} is in force",
        f"document {entry.id} was approved on {str(version.approved_at)[:10]}",
        f"aims record change document/{entry.id} --from FILE",
        str(version.approved_at),
        records,
        picture.now,
        every,
    )


def in_force(picture: Picture, type_: str) -> tuple[Version | None, Found]:
    """The version of a document that holds, or what is to be done for one."""
    entries = picture.register.documents_of(type_)
    for entry in entries:
        if entry.in_force is not None:
            return entry.in_force, met("", _records(entry.in_force))
    if entries:
        draft = entries[-1]
        return None, partly(
            f"document {draft.id} waits for its approval",
            f"aims record approve document/{draft.id}",
            draft.record_ids,
        )
    return None, missing(f"no document of type {type_}", "aims record add --template document")


def found_entry(picture: Picture, type_: str) -> DocumentEntry:
    """The document whose version `in_force` gave."""
    return next(e for e in picture.register.documents_of(type_) if e.in_force is not None)


def entries(
    picture: Picture,
    register: str,
    *,
    every: int | None,
    needs: Callable[[Entry], bool] | None = None,
    lacks: str = "",
) -> Found:
    """The register is in use, was looked at lately, and its open entries say what they must.

    needs : what each open entry has to say; lacks : the words for one that does not.
    """
    found = picture.register.open(register)
    add = f"aims record add --template {register}"
    if not found:
        return missing(f"register {register} has no open entry", add)
    ids = tuple(entry.latest.id for entry in found)
    short = [entry for entry in found if needs is not None and not needs(entry)]
    if short:
        named = ", ".join(entry.id for entry in short[:5])
        return partly(
            f"{register} {named}: {lacks}",
            f"aims record change {register}/{short[0].id} --from FILE",
            ids,
        )
    late = [entry for entry in found if entry.review_overdue(picture.now)]
    if late:
        return aged(
            f"{register} {late[0].id}: its review was due on {late[0].review}",
            f"aims record change {register}/{late[0].id} --from FILE",
            ids,
        )
    newest = max(last_touched(entry) for entry in found)
    return _fresh(
        f"{len(found)} in register {register}",
        f"register {register} was last touched on {newest[:10]}",
        f"aims record change {register}/{found[0].id} --from FILE",
        newest,
        ids,
        picture.now,
        every,
    )


def last_touched(entry: Entry) -> str:
    """When it was last changed or signed, RFC 3339."""
    signed = "" if entry.approval is None else entry.approval.received_at
    return max(entry.changed_at, signed)


def lately(at: str, now: datetime, every: int | None) -> bool:
    """Whether a moment is not longer ago than so many days."""
    return every is None or now - parse(at) <= timedelta(days=every)


def day_lately(day: str | None, now: datetime, every: int) -> bool:
    """The same for a day that somebody wrote, not after today."""
    from aims_mlops.management.registers.entry import day_of

    found = day_of(day)
    return found is not None and 0 <= (now.date() - found).days <= every


def named(words: Sequence[str], limit: int = 5) -> str:
    """Some names, and how many more there are."""
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def _fresh(
    good: str,
    late: str,
    next_step: str,
    at: str,
    records: Iterable[str],
    now: datetime,
    every: int | None,
) -> Found:
    if every is None:
        return met(good, records)
    until = parse(at) + timedelta(days=every)
    if now > until:
        return aged(f"{late}, more than {every} days ago", next_step, records)
    return met(good, records, until)


def _records(version: Version) -> tuple[str, ...]:
    approval = () if version.approval is None else (version.approval.id,)
    return (version.record.id, *approval)
