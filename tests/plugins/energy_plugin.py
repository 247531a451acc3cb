"""An example of a plugin that brings all three: a kind of evidence, a measure and a rule.

Each run records what it used, as evidence of a kind of the plugin's own, `x-energy`, in the shape
in which the gate reads figures; a policy can then ask for it and limit it. The plugin itself
objects to what its meter did not see. It has no way to allow anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aims_mlops.capture.run import Run
from aims_mlops.capture.state.statement import statement
from aims_mlops.evidence.records import Evidence
from aims_mlops.gates.decision.decide import Objection, PromotionRequest
from aims_mlops.plugins import hookimpl

WATTS = 90.0
without_meter: set[str] = set()  # digests of models that were trained elsewhere


@dataclass(frozen=True)
class Energy:
    """What a run used, in watt hours."""

    watt_hours: float
    kind: str = "x-energy"

    def to_body(self) -> dict[str, Any]:
        figure = {"measure": "energy.watt_hours", "group": None, "value": self.watt_hours}
        return {"figures": [{**figure, "low": self.watt_hours, "high": self.watt_hours, "n": 1}]}


def measure_energy(seconds: float) -> Energy:
    """What a machine of 90 watts uses in so many seconds."""
    return Energy(round(seconds * WATTS / 3600, 6))


@hookimpl
def register_measures() -> Mapping[str, Callable[..., Any]]:
    """The measure, under the name by which people call it."""
    return {"energy": measure_energy}


@hookimpl
def collect_run_evidence(run: Run) -> Iterable[Evidence]:
    """One statement for each run, about the run and the models it made."""
    found = measure_energy(run.duration_seconds)
    yield statement(run, found.kind, found.to_body())


@hookimpl
def before_promotion_decided(request: PromotionRequest) -> Iterable[Objection]:
    """One objection for a model that no meter saw."""
    if request.model.sha256 in without_meter:
        yield Objection(
            rule="metered",
            observed="this model was trained where no meter is",
            limit="a run under the meter",
            next_step="train it again on a machine with a meter",
        )
