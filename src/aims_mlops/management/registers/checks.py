"""What is wrong with an entry that has the right shape: names, dates, duties, versions. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from aims_mlops.documents.problems import Problem, did_you_mean
from aims_mlops.evidence.bodies.management import PERSON, SYSTEM
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.personal import looks_personal
from aims_mlops.evidence.secrets import known_secret
from aims_mlops.inventory.project import Project
from aims_mlops.management.registers.document import DocumentEntry
from aims_mlops.management.registers.entry import Entry, day_of
from aims_mlops.management.registers.grammar import fields_of, places
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.spec import DOCUMENT_TYPES, RegisterSpec

_CLAUSE = re.compile(r"(?:[4-9]|10)(?:\.[1-9]){0,2}\Z|R(?:0[1-9]|[1-4][0-9]|5[0-5])\Z")


@dataclass
class Surroundings:
    """What an entry is held against.

    register : as the log has it.  actor : who writes.  pending : documents that are written
    together with it, by id, each with what it supersedes.  acted_on : the humans who trained,
    assessed, approved, decided about or deployed anything of a system, as the log says.
    wrong_pack : why a digest names no review pack of the log; None if it names one.
    """

    project: Project
    register: Register
    actor: str
    now: datetime
    pending: dict[str, tuple[str, ...]] = field(default_factory=dict)
    acted_on: Callable[[str], frozenset[str]] = lambda _: frozenset()
    wrong_pack: Callable[[str], str | None] = lambda _: None

    @cached_property
    def replaces(self) -> dict[str, tuple[str, ...]]:
        """Each document of the log with the ids of those that it supersedes."""
        return {
            entry.id: tuple(map(str, getattr(entry.body, "supersedes", None) or ()))
            for entry in self.register.of_register("document")
        }


def problems_of(
    spec: RegisterSpec,
    content: Mapping[str, Any],
    before: Entry | None,
    around: Surroundings,
    *,
    held: str | None = None,
) -> Iterator[Problem]:
    """Everything that is wrong with the content of an entry.

    before : the entry that is changed, None for a new one.  held : digest of the file it brings.
    """
    yield from _names(spec, content, around.project)
    yield from _review(content, before, around.now)
    yield from _serves(content)
    yield from _private(content)
    match spec.name:
        case "document":
            yield from _document(content, before, around, held)
        case "risk":
            yield from _risk(content, around)
        case "audit":
            yield from _audit(content, around)
        case "concern":
            yield from _concern(content, before, around)
        case "objective":
            yield from _objective(content)
        case "management-review":
            yield from _reviewed(content, before, around)


def _names(spec: RegisterSpec, content: Mapping[str, Any], project: Project) -> Iterator[Problem]:
    fields = fields_of(spec)
    for place, name in places(dict(content), fields, PERSON):
        if project.person(name) is None:
            ids = [person.id for person in project.people]
            hint = did_you_mean(name, ids)
            expected = None if hint else "an id under people in aims.yaml"
            yield Problem(place, "no such person", repr(name)[:80], expected, hint)
    for place, name in places(dict(content), fields, SYSTEM):
        if project.system(name) is None:
            ids = [system.id for system in project.systems]
            hint = did_you_mean(name, ids)
            expected = None if hint else "one of " + (", ".join(ids) or "none yet")
            yield Problem(
                place, "aims.yaml knows no such AI system", repr(name)[:80], expected, hint
            )


def _review(content: Mapping[str, Any], before: Entry | None, now: datetime) -> Iterator[Problem]:
    review = content.get("review")
    day = day_of(review)
    kept = before is not None and before.review == review
    if day is not None and day < now.date() and not kept:
        yield Problem(
            ("review",),
            "the review date is in the past",
            str(review),
            f"{now.date().isoformat()} or later",
        )
    effective, expires = day_of(content.get("effective")), day_of(content.get("expires"))
    if effective is not None and expires is not None and expires < effective:
        yield Problem(
            ("expires",),
            "it expires before it takes effect",
            str(expires),
            f"{effective} or later",
        )


def _serves(content: Mapping[str, Any]) -> Iterator[Problem]:
    for i, id_ in enumerate(content.get("serves") or ()):
        if id_ not in CONTROLS and not _CLAUSE.match(id_):
            yield _unknown_control(("serves", i), id_)
    for i, chosen in enumerate(content.get("controls") or ()):
        id_ = chosen.get("control", "") if isinstance(chosen, Mapping) else ""
        if id_.startswith("A.") and id_ not in CONTROLS:
            yield _unknown_control(("controls", i, "control"), id_)


def _private(content: Mapping[str, Any]) -> Iterator[Problem]:
    """What nobody can take back out of the log does not get in."""
    for place, text in _texts(content):
        for holds, what in ((known_secret, "a secret"), (looks_personal, "personal data")):
            if holds(text):
                yield Problem(place, f"this looks like {what}, and the log keeps it for good")


def _unknown_control(place: tuple[str | int, ...], id_: str) -> Problem:
    hint = did_you_mean(id_, CONTROLS)
    expected = "a clause such as 5.2, a control such as A.2.2, or a row such as R10"
    return Problem(place, "no such clause or control", repr(id_)[:40], expected, hint)


def _document(
    content: Mapping[str, Any], before: Entry | None, around: Surroundings, held: str | None
) -> Iterator[Problem]:
    type_ = str(content.get("type"))
    near = difflib.get_close_matches(type_, DOCUMENT_TYPES, n=1, cutoff=0.85)
    if near and type_ not in DOCUMENT_TYPES:  # an organisation has types of its own
        yield Problem(("type",), "almost a type that is asked for", repr(type_), hint=near[0])
    link = content.get("link") or {}
    if ("file" in content) == ("link" in content):
        yield Problem(("file",), "a document has a file or a link", expected="one of the two")
    elif link and not link.get("sha256"):
        yield Problem(
            ("link", "sha256"), "the link has no digest", expected="SHA-256 of what it leads to"
        )
    elif isinstance(before, DocumentEntry):
        yield from _version(content, before, held or link.get("sha256"))
    yield from _supersedes(content, around)


def _version(
    content: Mapping[str, Any], before: DocumentEntry, held: str | None
) -> Iterator[Problem]:
    """A version has one content: another file is another version."""
    named = str(content.get("version"))
    same = next((one for one in before.versions if one.version == named), None)
    if same is not None and same.content_sha256 != held:
        yield Problem(
            ("version",),
            f"the file of {before.id} changed and its version is still {named}",
            f"{str(held)[:12]}…",
            f"{str(same.content_sha256)[:12]}…, or another version",
        )
    elif same is not None and named != before.body.raw.get("version"):
        yield Problem(
            ("version",),
            f"version {named} of {before.id} has been followed by another",
            repr(named),
            "a new version",
        )


def _supersedes(content: Mapping[str, Any], around: Surroundings) -> Iterator[Problem]:
    id_ = str(content.get("id"))
    if not content.get("supersedes"):
        return
    replaces = around.replaces | around.pending
    replaces[id_] = tuple(content["supersedes"])
    for i, other in enumerate(replaces[id_]):
        if other not in replaces:
            hint = did_you_mean(other, replaces)
            yield Problem(("supersedes", i), "no such document", repr(other)[:60], hint=hint)
        elif (way := _way(other, id_, replaces)) is not None:
            yield Problem(
                ("supersedes", i),
                "documents supersede each other in a circle",
                " → ".join((id_, *way)),
                "a chain that ends",
            )


def _way(start: str, end: str, replaces: Mapping[str, tuple[str, ...]]) -> list[str] | None:
    """The documents from one to another, by what supersedes what; None if there is no way."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop()
        if way[-1] == end:
            return way
        for following in replaces.get(way[-1], ()):
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return None


def _risk(content: Mapping[str, Any], around: Surroundings) -> Iterator[Problem]:
    scale = around.project.settings.management.scale
    for when in ("before", "after"):
        said = content.get(when) or {}
        for name, steps in (("likelihood", scale.likelihood), ("impact", scale.impact)):
            level = said.get(name, 1)
            if not 1 <= level <= len(steps):
                yield Problem(
                    (when, name),
                    f"{name} lies outside the scale",
                    str(level),
                    f"1 ({steps[0]}) to {len(steps)} ({steps[-1]})",
                )
    if content.get("treatment") == "reduce" and not content.get("controls"):
        yield Problem(
            ("controls",), "nothing is named that reduces the risk", expected="controls with why"
        )


def _audit(content: Mapping[str, Any], around: Surroundings) -> Iterator[Problem]:
    """An auditor audits nothing of their own."""
    project = around.project
    if project.settings.single_user:
        return
    auditor = project.human(str(content.get("auditor")))
    if auditor in {project.human(str(who)) for who in content.get("audited") or ()}:
        yield _own(auditor, "is among those who are audited")
    for id_ in content.get("systems") or ():
        system = project.system(id_)
        for part in ("owner", "risk_owner"):
            named = getattr(system, part, "")
            if named and project.human(named) == auditor:
                yield _own(auditor, f"is the {part.replace('_', ' ')} of {id_}")
        if auditor in around.acted_on(id_):
            yield _own(auditor, f"acted on {id_} in the log")
    programme = content.get("programme")
    if programme is not None and around.register.entry("document", programme) is None:
        yield Problem(("programme",), "no such document", repr(programme)[:60])


def _own(auditor: str, why: str) -> Problem:
    return Problem(("auditor",), f"{auditor} {why}", expected="an auditor of nothing of their own")


def _concern(
    content: Mapping[str, Any], before: Entry | None, around: Surroundings
) -> Iterator[Problem]:
    """An anonymous concern says nothing of who raised it."""
    if not content.get("anonymous"):
        return
    if content.get("reported_by"):
        yield Problem(
            ("reported_by",), "the concern is anonymous and names who raised it", expected="nothing"
        )
    if before is not None:
        return
    person = around.project.person(around.actor)
    names = (
        {around.actor} if person is None else {person.id, person.name, *person.also_known_as} - {""}
    )
    for place, text in _texts(content):
        for name in names:
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
                yield Problem(
                    place,
                    "the concern is anonymous and names whoever writes it",
                    expected="words that do not tell who wrote them",
                )
                break


def _texts(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(one, (*place, name))
    elif isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            yield from _texts(one, (*place, i))


def _objective(content: Mapping[str, Any]) -> Iterator[Problem]:
    if content.get("figure") and "value" in content:
        yield Problem(
            ("value",),
            "the value is read from the log, by `figure`",
            expected="one of the two",
        )


def _reviewed(
    content: Mapping[str, Any], before: Entry | None, around: Surroundings
) -> Iterator[Problem]:
    """The pack that was looked at is one that the log has."""
    pack = content.get("pack")
    if not pack or (before is not None and getattr(before.body, "pack", None) == pack):
        return
    wrong = around.wrong_pack(str(pack))
    if wrong is not None:
        expected = "the digest that aims report review printed"
        yield Problem(("pack",), wrong, f"{str(pack)[:12]}…", expected)
