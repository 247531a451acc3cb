"""Which tier the use of a system has, by which rule. An organisation adds a file of the same form.

A rule says what a law or the organisation's own text says of a use; whether it applies to a system
is what the organisation declares by naming the use. Pure, but for reading the files.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from aims_mlops.documents.problems import Problem, Section, validated
from aims_mlops.documents.reading import read_yaml
from aims_mlops.inventory.declared.system import System
from aims_mlops.management.crosswalks.crosswalk import Confidence, Source

Tier = Literal["minimal", "limited", "high", "prohibited"]
TIERS: tuple[Tier, ...] = ("minimal", "limited", "high", "prohibited")
_FOLDER = Path(__file__).parent


class Rule(Section):
    """One use, the tier that it has, and where that stands."""

    use: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    tier: Tier
    article: str = Field(min_length=1, max_length=80)
    words: str = Field(min_length=1, max_length=200)
    confidence: Confidence
    source: str


class Rules(Section):
    """The file as a whole. date : of the edition.  as_of : when it was last read against it."""

    version: Literal[1] = 1
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    title: str = Field(min_length=1)
    edition: str = Field(min_length=1)
    date: datetime.date
    as_of: datetime.date
    note: str = ""
    sources: dict[str, Source]
    rules: tuple[Rule, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Classified:
    """A tier, with the rule that gave it."""

    framework: str
    edition: str
    rule: Rule

    def to_body(self) -> dict[str, str]:
        """JSON values for `--json`."""
        return {
            "framework": self.framework,
            "edition": self.edition,
            "use": self.rule.use,
            "tier": self.rule.tier,
            "article": self.rule.article,
            "words": self.rule.words,
            "confidence": self.rule.confidence,
        }


def shipped_rules() -> tuple[Rules, ...]:
    """The files that come with the package."""
    return tuple(read_rules(path) for path in sorted(_FOLDER.glob("*.yaml")))


def read_rules(path: Path) -> Rules:
    """A file of rules, checked; raises DocumentError with every problem and its line."""
    next_step = "put it right; docs/inventory.md shows the form"
    return validated(read_yaml(path), Rules, next_step=next_step, checks=(_once, _sourced))


def classified(system: System, files: Iterable[Rules]) -> tuple[Classified, ...]:
    """Every rule about a use that the system declares, the highest tier first."""
    found = [
        Classified(file.title, file.edition, rule)
        for file in files
        for rule in file.rules
        if rule.use in system.uses
    ]
    return tuple(sorted(found, key=lambda one: -TIERS.index(one.rule.tier)))


def unknown_uses(system: System, files: Iterable[Rules]) -> tuple[str, ...]:
    """Declared uses that no rule names."""
    known = {rule.use for file in files for rule in file.rules}
    return tuple(use for use in system.uses if use not in known)


def is_understated(system: System, found: Iterable[Classified]) -> bool:
    """Whether a rule gives a higher tier than the system declares."""
    declared = TIERS.index(system.risk_tier)
    return any(TIERS.index(one.rule.tier) > declared for one in found)


def _once(found: Rules) -> Iterable[Problem]:
    seen: set[str] = set()
    for i, rule in enumerate(found.rules):
        if rule.use in seen:
            yield Problem(("rules", i, "use"), "there is a second rule for this use", got=rule.use)
        seen.add(rule.use)


def _sourced(found: Rules) -> Iterable[Problem]:
    for i, rule in enumerate(found.rules):
        if rule.source not in found.sources:
            yield Problem(("rules", i, "source"), "no such source", got=rule.source)
