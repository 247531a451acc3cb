"""What aims.yaml may say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from aims_mlops.documents.problems import Problem, Section, did_you_mean
from aims_mlops.inventory.declared.identity_provider import IdentityProvider
from aims_mlops.inventory.declared.management import Management
from aims_mlops.inventory.declared.notices import Publisher, Recipient, Webhook
from aims_mlops.inventory.declared.person import Person, folded
from aims_mlops.inventory.declared.registry_rules import RegistryRules
from aims_mlops.inventory.declared.system import System

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Target(Section):
    """Where a model can be promoted to: the policy that decides, the aliases that mean it."""

    policy: str
    aliases: tuple[Name, ...] = ()


class Settings(Section):
    """aims.yaml as a whole.

    store : URL of the evidence store; a relative SQLite path starts from aims.yaml's folder.
    single_user : one person works here; separation of duties cannot be enforced, and says so.
    identity_provider : whose ID tokens say which roles somebody holds; none without it.
    registry : which writes to a model registry count as a promotion.
    notices : who is told when something is wrong, by a name of your own.
    webhooks : where events for machines go, by a name of your own.
    publishers : where reports are sent, by a name of your own.
    management : the scale of risks, and who approves which documents.
    """

    version: Literal[1] = 1
    store: str | None = None
    single_user: bool = False
    systems: tuple[System, ...] = ()
    people: tuple[Person, ...] = ()
    identity_provider: IdentityProvider | None = None
    targets: dict[Name, Target] = Field(default_factory=dict)
    registry: RegistryRules = Field(default_factory=RegistryRules)
    notices: dict[Name, Recipient] = Field(default_factory=dict)
    webhooks: dict[Name, Webhook] = Field(default_factory=dict)
    publishers: dict[Name, Publisher] = Field(default_factory=dict)
    management: Management = Field(default_factory=Management)


def contradictions(settings: Settings) -> Iterable[Problem]:
    """What the parts of aims.yaml say against each other."""
    seen: set[str] = set()
    for i, system in enumerate(settings.systems):
        if system.id in seen:
            yield Problem(("systems", i, "id"), f"system id {system.id!r} is used twice")
        seen.add(system.id)
    owners: dict[str, str] = {}
    subjects: dict[str, str] = {}
    ids = {person.id for person in settings.people}
    for i, person in enumerate(settings.people):
        for identity in sorted(person.identities):
            if owners.setdefault(identity, person.id) != person.id or identity in (
                folded(other.id) for other in settings.people[:i]
            ):
                yield Problem(
                    ("people", i),
                    f"identity {identity!r} of {person.id!r} belongs to another person",
                )
        for subject in person.subjects:
            if subjects.setdefault(subject, person.id) != person.id:
                yield Problem(
                    ("people", i, "subjects"),
                    f"a subject of {person.id!r} belongs to {subjects[subject]!r} already",
                )
        if person.acts_for is not None and person.acts_for not in ids:
            yield _unknown_person(("people", i, "acts_for"), person.acts_for, ids)
    for i, system in enumerate(settings.systems):
        for field in ("owner", "risk_owner"):
            value = getattr(system, field)
            if value and ids and value not in ids:
                yield _unknown_person(("systems", i, field), value, ids)
    yield from _monitoring(settings)
    aliases: dict[str, str] = {}
    for name, target in settings.targets.items():
        for j, alias in enumerate(target.aliases):
            if aliases.setdefault(alias.casefold(), name) != name:
                other = aliases[alias.casefold()]
                yield Problem(
                    ("targets", name, "aliases", j),
                    f"alias {alias!r} already means target {other!r}",
                )


def _monitoring(settings: Settings) -> Iterable[Problem]:
    for i, system in enumerate(settings.systems):
        ids: set[str] = set()
        for j, monitor in enumerate(system.monitoring):
            place = ("systems", i, "monitoring", j)
            if monitor.id in ids:
                yield Problem((*place, "id"), f"monitoring id {monitor.id!r} is used twice")
            ids.add(monitor.id)
            for name in monitor.tell or ():
                if name not in settings.notices:
                    hint = did_you_mean(name, settings.notices)
                    yield Problem(
                        (*place, "tell"), f"notices names no recipient {name!r}", hint=hint
                    )


def _unknown_person(place: tuple[str | int, ...], got: str, ids: set[str]) -> Problem:
    hint = did_you_mean(got, ids)
    return Problem(place, f"nobody under people has the id {got!r}", hint=hint)
