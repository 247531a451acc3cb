"""What aims.yaml still lacks, by line; it can be used all the same while it lacks it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Problem, inspected
from aims_mlops.documents.reading import read_yaml
from aims_mlops.inventory.declared.management import ROLES
from aims_mlops.inventory.declared.settings import Settings, contradictions

_TEXTS = ("purpose", "owner", "risk_owner", "intended_use")
_LISTS = ("foreseeable_misuse", "affected_people")


def unfilled(path: Path) -> tuple[Settings | None, Document, list[Problem]]:
    """The settings, the file, and everything that is wrong or that a person still has to fill in.

    The settings are without what is wrong in them; None if that leaves none. Raises DocumentError
    for a file that is no YAML.
    """
    document = read_yaml(path)
    settings, problems = inspected(document, Settings, checks=(contradictions, _unfilled))
    return settings, document, problems


def _unfilled(settings: Settings) -> Iterable[Problem]:
    if not settings.systems:
        yield Problem(("systems",), "no AI system is listed", expected="at least one")
    if not settings.people:
        yield Problem(("people",), "nobody is listed", expected="an author and a risk owner")
    elif len([p for p in settings.people if p.acts_for is None]) < 2 and not settings.single_user:
        yield Problem(
            ("people",),
            "one person alone cannot keep duties apart",
            expected="a second person, or single_user: true",
        )
    for i, person in enumerate(settings.people):
        for j, role in enumerate(person.roles):
            near = difflib.get_close_matches(role, ROLES, n=1, cutoff=0.85)
            if near and role not in ROLES:
                yield Problem(
                    ("people", i, "roles", j), f"role {role!r} is almost one", hint=near[0]
                )
    if not settings.targets:
        yield Problem(("targets",), "no target is listed", expected="a target with its policy")
    for i, system in enumerate(settings.systems):
        for field in _TEXTS:
            if not getattr(system, field).strip():
                yield Problem(
                    ("systems", i, field), f"{field} of {system.id} is empty", expected="text"
                )
        for field in _LISTS:
            if not any(text.strip() for text in getattr(system, field)):
                yield Problem(
                    ("systems", i, field), f"{field} of {system.id} is empty", expected="a list"
                )
        for j, monitor in enumerate(system.monitoring):
            for odd in monitor.oddities():
                yield Problem(("systems", i, "monitoring", j), f"{system.id}/{monitor.id}: {odd}")
        if system.owner and system.owner == system.risk_owner:
            yield Problem(("systems", i, "risk_owner"), "owner and risk owner are the same person")
