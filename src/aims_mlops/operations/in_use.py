"""What is promoted or deployed where, as the log has it: one fold for everybody who asks. Pure.

Rules
- a promotion counts when its outcome is `set`; one that failed or was not asked for is none;
- an alias points to one version; a stage, a promoting tag and a production name may hold several
  at once, unless the promotion says that it archived the others; a version is in one stage;
- a removal ends what stands at its place, whichever AI system and content it was noted with; one
  that names no version ends all of them;
- a new deployment to the same place and target of the same system ends the one before; a later step
  of a deployment ends it, and one that failed never began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aims_mlops.evidence.bodies.decision import PromotionBody
from aims_mlops.evidence.bodies.operation import DeploymentBody
from aims_mlops.evidence.records import Record

# What holds one version at a time; the rest may hold several.
_ONE_AT_A_TIME = frozenset(("alias", "model-tag"))


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is in use.

    route : alias, stage, tag, model-tag, version, or deployment.  name : the registered model; the
    AI system of a deployment.  key : the alias, stage or tag; for what and where it is deployed.
    version : where several may be at the place, else None.
    """

    route: str
    name: str
    key: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class InUse:
    """One content in use, and the record that began it."""

    place: Place
    record: Record

    @property
    def body(self) -> PromotionBody | DeploymentBody:
        """What the record says."""
        kind = PromotionBody if self.is_promotion else DeploymentBody
        return kind.of(self.record)

    @property
    def system(self) -> str | None:
        """The AI system that it belongs to."""
        return self.record.evidence.system

    @property
    def model(self) -> str:
        """Content digest (SHA-256, hex)."""
        return str(self.body.model)

    @property
    def target(self) -> str:
        """What it is used for, such as production."""
        return str(self.body.target)

    @property
    def is_promotion(self) -> bool:
        """Whether it came by a promotion and not by a deployment."""
        return self.record.evidence.kind == "promotion"

    @property
    def uri(self) -> str:
        """What the model is called in a command, such as 'models:/loans/3'."""
        body = self.record.evidence.body
        known = body.get("model_uri")
        return str(known) if known else f"models:/{body.get('name')}/{body.get('version')}"

    @property
    def words(self) -> str:
        """Such as 'loans/3 as champion' or 'models:/loans/3 at eu-1'."""
        body = self.body
        if isinstance(body, PromotionBody):
            return f"{body.name}/{body.version} as {body.alias}"
        return f"{body.model_uri} at {body.where}"


class Uses:
    """The fold: give it `promotion` and `deployment` records in the order of the log.

    `last` is the log's last word on each place of a registry, be it that something was set there or
    taken away.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._held: dict[Place, InUse] = {}
        self.last: dict[Place, Record] = {}
        for record in records:
            self.take(record)

    def __iter__(self) -> Iterator[InUse]:
        """What is in use, in the order in which it began."""
        return iter(tuple(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def at(self, place: Place) -> InUse | None:
        """What is in use at a place; None if nothing is."""
        return self._held.get(place)

    def take(self, record: Record) -> bool:
        """Take one more record in; whether it changed what is in use."""
        if record.evidence.kind == "promotion":
            return self._promotion(record)
        if record.evidence.kind == "deployment":
            return self._deployment(record)
        return False

    def of_system(self, system: str) -> list[InUse]:
        """Everything of one AI system that is in use."""
        return [use for use in self if use.system == system]

    def _promotion(self, record: Record) -> bool:
        body = PromotionBody.of(record)
        outcome = body.outcome
        if outcome not in ("set", "removed"):
            return False
        place = place_of(body)
        before = dict(self._held)
        if outcome == "removed":
            for held in [held for held in self._held if _ends(place, held)]:
                del self._held[held]
        else:
            others = body.archived_others is True
            for held in list(self._held):
                if held == place or _leaves(held, place, archived=others):
                    del self._held[held]
            self._held[place] = InUse(place, record)
        self.last[place] = record
        return before != self._held

    def _deployment(self, record: Record) -> bool:
        body = DeploymentBody.of(record)
        before = dict(self._held)
        if (begun := body.deployment) is not None or "deployment" in body.odd:
            for place, held in list(self._held.items()):
                if held.record.id == begun:
                    del self._held[place]
        elif body.event == "deployed":
            place = Place(
                "deployment",
                record.evidence.system or "",
                f"{body.target} at {body.where}",
            )
            self._held.pop(place, None)
            self._held[place] = InUse(place, record)
        return before != self._held


def in_use(records: Iterable[Record]) -> tuple[InUse, ...]:
    """What is in use after all these records, in the order in which it began."""
    return tuple(Uses(records))


def promotions_that_happened(records: Iterable[Record]) -> tuple[Record, ...]:
    """Those that set something; not what failed, and not that something was taken away."""
    return tuple(
        record
        for record in records
        if record.evidence.kind == "promotion" and PromotionBody.of(record).outcome == "set"
    )


def place_of(body: PromotionBody) -> Place:
    """The place in a registry that a `promotion` record is about."""
    version = body.version
    return place_in_registry(
        body.route or "alias",
        str(body.name),
        str(body.alias),
        None if version is None else str(version),
    )


def place_in_registry(route: str, name: str, key: str, version: str | None) -> Place:
    """MLflow tells aliases and tags apart by letter case, and stages not."""
    return Place(
        route,
        name,
        key.casefold() if route == "stage" else key,
        None if route in _ONE_AT_A_TIME else version,
    )


def _ends(removed: Place, held: Place) -> bool:
    same = (removed.route, removed.name, removed.key) == (held.route, held.name, held.key)
    # A version under a production name was once noted without its number.
    return same and (None in (removed.version, held.version) or removed.version == held.version)


def _leaves(held: Place, entered: Place, *, archived: bool) -> bool:
    """Whether a version leaves its stage as another enters one, or it another itself."""
    if (held.route, held.name) != ("stage", entered.name) or entered.route != "stage":
        return False
    return held.version == entered.version or (archived and held.key == entered.key)
