"""Each AI system with roles, tier and rule, state and places, from the log and aims.yaml. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aims_mlops.inventory.declared.system import System
from aims_mlops.management.classification.rules import (
    Classified,
    Rules,
    classified,
    is_understated,
    unknown_uses,
)
from aims_mlops.management.readiness.picture import Picture

LifeCycle = Literal["planned", "in development", "in use", "retired"]
HEAD: Sequence[str] = (
    "id", "title", "state", "roles", "owner", "risk owner", "declared tier", "tier by rule",
    "rules", "in use as", "models", "suppliers", "intended use",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One AI system. places : where something of it is in use, in words.

    rules : what gives it a tier.  understated : whether a rule gives a higher one than declared.
    unknown : declared uses that no rule names.
    """

    system: System
    state: LifeCycle
    places: tuple[str, ...]
    rules: tuple[Classified, ...]
    understated: bool
    unknown: tuple[str, ...]

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        system = self.system
        return {
            "id": system.id,
            "title": system.title,
            "state": self.state,
            "organisation_roles": list(system.organisation_roles),
            "bought_in": self.is_bought_in,
            "owner": system.owner,
            "risk_owner": system.risk_owner,
            "declared_tier": system.risk_tier,
            "rules": [one.to_body() for one in self.rules],
            "understated": self.understated,
            "unknown_uses": list(self.unknown),
            "in_use": list(self.places),
            "models": list(system.models),
            "suppliers": [supplier.name for supplier in system.suppliers],
            "purpose": system.purpose,
            "intended_use": system.intended_use,
            "foreseeable_misuse": list(system.foreseeable_misuse),
            "affected_people": list(system.affected_people),
        }

    @property
    def is_bought_in(self) -> bool:
        """Whether others made it: the organisation neither develops nor provides it."""
        roles = set(self.system.organisation_roles)
        return bool(roles) and not roles & {"developer", "provider"}

    def row(self) -> tuple[str, ...]:
        """A row of a table, in the order of HEAD."""
        system = self.system
        return (
            system.id,
            system.title,
            self.state,
            ", ".join(system.organisation_roles),
            system.owner,
            system.risk_owner,
            system.risk_tier,
            self.rules[0].rule.tier if self.rules else "",
            "; ".join(f"{r.framework} {r.rule.article}: {r.rule.use}" for r in self.rules),
            "; ".join(self.places),
            ", ".join(system.models),
            ", ".join(supplier.name for supplier in system.suppliers),
            system.intended_use,
        )


def inventory(picture: Picture, files: Iterable[Rules]) -> tuple[Item, ...]:
    """Every system of aims.yaml, in its order."""
    files = tuple(files)
    used = {record.evidence.system for record in picture.begun}
    seen = {system for kind, system in picture.newest if kind in _DEVELOPED}
    found = []
    for system in picture.systems:
        places = tuple(use.words for use in picture.in_use() if use.system == system.id)
        state: LifeCycle = (
            "in use"
            if places
            else "retired"
            if system.id in used
            else "in development"
            if system.id in seen
            else "planned"
        )
        rules = classified(system, files)
        found.append(
            Item(
                system=system,
                state=state,
                places=places,
                rules=rules,
                understated=is_understated(system, rules),
                unknown=unknown_uses(system, files),
            )
        )
    return tuple(found)


_DEVELOPED = frozenset(("run",))
