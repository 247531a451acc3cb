"""What the registry says is promoted, held against what the log allowed. Pure: no I/O here.

The gate inside the registry can be gone around: with the database's password, through an ungated
server on the same database, by overwriting files in the object store. Each of these leaves a
registry that says something else than the log, and that is what is looked for here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody
from aims_mlops.evidence.records import Record, Subject
from aims_mlops.gates.decision_validity import ValidDecision
from aims_mlops.operations.in_use import Place, Uses, place_in_registry, place_of

Route = Literal["alias", "stage", "tag", "version", "model-tag", "reserved-tag"]
What = Literal[
    "unknown-promotion",
    "changed-content",
    "recreated-version",
    "decision-fallen",
    "unreadable-content",
    "unrecorded-promotion",
    "removed-elsewhere",
    "reserved-tag",
]

_MINOR = frozenset(("unrecorded-promotion", "removed-elsewhere", "reserved-tag"))
_WORDS: Mapping[str, str] = {
    "unknown-promotion": "is promoted, and the log allowed no such promotion",
    "changed-content": "is promoted with other files than those that were decided about",
    "recreated-version": "is promoted, and was deleted and created again since the decision",
    "decision-fallen": "is promoted, and the decision behind it no longer stands",
    "unreadable-content": "is promoted, and its files cannot be read",
    "unrecorded-promotion": "may be promoted, but was not promoted through the gate",
    "removed-elsewhere": "is promoted as the log has it, and no longer in the registry",
    "reserved-tag": "has a tag that only aims-mlops may write",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryPromotion:
    """One thing in the registry that promotes a version, or that nobody may write.

    key : the alias, stage or tag; the name itself where its every version is promoted.
    sha256 : digest of the version's content now; None where it could not be read (`problem`).
    about : facts about the version as the registry tells them, in words.
    """

    route: Route
    name: str
    version: str | None
    key: str
    target: str | None
    sha256: str | None = None
    created_at: str | None = None
    problem: str | None = None
    about: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The version and how it is promoted, for people."""
        version = f"version {self.version} of {self.name!r}" if self.version else f"{self.name!r}"
        how = {
            "alias": f"by alias {self.key!r}",
            "stage": f"by stage {self.key!r}",
            "tag": f"by tag {self.key!r}",
            "model-tag": f"by tag {self.key!r} of the registered model",
            "version": "by its name",
            "reserved-tag": f"tag {self.key!r}",
        }[self.route]
        return f"{version} ({how}{f', to {self.target}' if self.target else ''})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference; `how` tells how it got there, as far as the registry and the log know."""

    what: What
    held: RegistryPromotion
    how: tuple[str, ...]
    next_step: str

    @property
    def severity(self) -> Literal["minor", "major"]:
        """How bad it is: minor if nothing is in use because of it."""
        return "minor" if self.what in _MINOR else "major"

    @property
    def words(self) -> str:
        """What differs, in a sentence for people."""
        return f"{self.held.words} {_WORDS[self.what]}"

    def key(self, registry: str) -> str:
        """The same for the same difference each time it is found."""
        held = self.held
        parts = (registry, self.what, held.route, held.name, held.key.casefold(), held.version,
                 held.created_at, held.sha256)  # fmt: skip
        text = "\0".join("" if part is None else part for part in parts)
        return f"reconcile:{self.what}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    @property
    def subject(self) -> Subject:
        """What the nonconformity is about."""
        name = f"model:{self.held.name}"
        if self.held.sha256 is not None:
            return Subject(name, self.held.sha256)
        return Subject.of_name(f"{name}/{self.held.version or ''}")

    def to_body(self) -> dict[str, Any]:
        """The difference as JSON values."""
        held = self.held
        return {
            "what": self.what,
            "severity": self.severity,
            "route": held.route,
            "name": held.name,
            "version": held.version,
            "key": held.key,
            "target": held.target,
            "model": held.sha256,
            "words": self.words,
            "how": list(self.how),
            "next_step": self.next_step,
        }


@dataclass(frozen=True)
class Placements:
    """The log's last word on every place of a registry, from its promotion records."""

    uses: Uses

    @classmethod
    def of(cls, promotions: Iterable[Record]) -> Placements:
        """What the log says of promotions."""
        return cls(Uses(promotions))

    def about(self, held: RegistryPromotion) -> Record | None:
        """On the place; else on the other versions that were promoted by the same key."""
        place = _place(held)
        if (last := self.uses.last.get(place)) is not None:
            return last
        others = [
            record
            for other, record in self.uses.last.items()
            if (other.route, other.name, other.key) == (place.route, place.name, place.key)
        ]
        return max(others, key=lambda record: record.sequence, default=None)

    def set_but_missing(
        self, held: Iterable[RegistryPromotion], names: Iterable[str]
    ) -> list[Record]:
        """Promotions that the log knows as set and that a registry with these names lacks."""
        there = {_place(one) for one in held}
        known = set(names)
        return [
            use.record
            for use in self.uses
            if use.place.route != "version" and use.place.name in known and use.place not in there
        ]


def difference_of(
    held: RegistryPromotion,
    standing: ValidDecision | None,
    said: Record | None,
    known: Sequence[Record],
) -> Difference | None:
    """What is wrong with one promotion; None if the log allowed it and still does.

    standing : for the content and target, None where no policy decides about the target.
    said : the log's last word on the place.  known : every record about the content.
    """
    if held.route == "reserved-tag":
        return _difference("reserved-tag", held, said, known, standing)
    if held.sha256 is None and held.route != "model-tag":
        return _difference("unreadable-content", held, said, known, standing)
    body = PromotionBody.of(said) if said is not None else PromotionBody()
    same_number = body.target == held.target and body.version in (None, held.version)
    same_version = same_number and body.outcome == "set"
    same_content = body.model == held.sha256
    if standing is None or not standing.stands:
        if not same_number or held.route == "model-tag":
            what: What = "unknown-promotion"
        elif body.created_at not in (None, held.created_at):
            what = "recreated-version"  # also if the log knows of the deletion in between
        elif not same_version:
            what = "unknown-promotion"
        else:
            what = "decision-fallen" if same_content else "changed-content"
        return _difference(what, held, said, known, standing)
    if same_version and not same_content:
        return _difference("changed-content", held, said, known, standing)
    later = [r for r in known if said is None or r.sequence > said.sequence]
    if same_version or _asked_for(held, later):
        return None
    return _difference("unrecorded-promotion", held, said, known, standing)


def removed_elsewhere(record: Record) -> Difference:
    """The difference for a promotion that the log knows and the registry has no longer."""
    body = PromotionBody.of(record)
    place = place_of(body)
    held = RegistryPromotion(
        route=place.route,  # type: ignore[arg-type]
        name=place.name,
        version=str(body.version) if body.version is not None else None,
        key=str(body.alias),
        target=str(body.target),
        sha256=body.model or None,
        created_at=record.id,  # the same place can be emptied again after a later promotion
    )
    how = (_last_word(record), "it was taken away past the gated server, which would have noted it")
    return Difference(
        what="removed-elsewhere",
        held=held,
        how=how,
        next_step="if it was meant, close the nonconformity; else decide and promote again",
    )


def _difference(
    what: What,
    held: RegistryPromotion,
    said: Record | None,
    known: Sequence[Record],
    standing: ValidDecision | None,
) -> Difference:
    how = list(held.about)
    if held.problem:
        how.append(held.problem)
    how.append(_last_word(said))
    if what in ("unknown-promotion", "unrecorded-promotion", "reserved-tag"):
        how.append(
            "it was written past the gate: in the database, by an ungated server on the same "
            "database, or before the gate stood there"
        )
    if what == "changed-content" and said is not None:
        how.append(
            f"the files had the digest {str(PromotionBody.of(said).model)[:16]}… when it was "
            f"promoted and have {str(held.sha256)[:16]}… now"
        )
    refused = [r for r in known if r.evidence.kind == "decision"]
    if refused and what == "unknown-promotion":
        last = refused[-1]
        how.append(
            f"the gate's last word on this content: {DecisionBody.of(last).verdict}, asked by "
            f"{last.evidence.actor} at {last.received_at} (record {last.id[:8]})"
        )
    elif held.sha256 is not None and not known:
        how.append("the log knows nothing of this content")
    if standing is not None:
        how += [f"{reason.rule}: {reason.observed}" for reason in standing.reasons]
    elif held.target is not None:
        how.append(f"no policy decides about the target {held.target!r}")
    return Difference(what=what, held=held, how=tuple(how), next_step=_next(what, held))


def _next(what: What, held: RegistryPromotion) -> str:
    again = f"aims gate models:/{held.name}/{held.version} --for {held.target}"
    return {
        "changed-content": "restore the files that were decided about, or demote it",
        "recreated-version": f"{again}, or demote it: aims reconcile --demote",
        "decision-fallen": f"{again}, or demote it: aims reconcile --demote",
        "unreadable-content": "restore the files, or demote it",
        "unrecorded-promotion": "find out who wrote past the gate; then set it through the gate",
        "reserved-tag": f"delete the tag {held.key!r}, and find out who wrote it",
    }.get(what, "find out who wrote past the gate; demote it: aims reconcile --demote")


def _last_word(said: Record | None) -> str:
    if said is None:
        return "the log has no promotion at this place"
    body = PromotionBody.of(said)
    version = f"version {body.version}" if body.version else "a version"
    verb = "set to" if body.outcome == "set" else "taken from"
    return (
        f"the log's last word: {verb} {version} by {said.evidence.actor} at {said.received_at} "
        f"(record {said.id[:8]})"
    )


def _asked_for(held: RegistryPromotion, known: Sequence[Record]) -> bool:
    """Whether an allowed decision was asked for this very write; its outcome may be unrecorded."""
    for record in known:
        if record.evidence.kind != "decision":
            continue
        body = DecisionBody.of(record)
        asked = body.request
        if not body.allowed or asked is None:
            continue
        model = asked.get("model")
        if (
            isinstance(model, dict)
            and str(asked.get("alias")).casefold() == held.key.casefold()
            and model.get("name") == held.name
            and model.get("version") in (None, held.version)
            and model.get("created_at") in (None, held.created_at)
        ):
            return True
    return False


def _place(held: RegistryPromotion) -> Place:
    return place_in_registry(held.route, held.name, held.key, held.version)
