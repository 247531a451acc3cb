"""Performance and bias of a run, from `run.check`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.failures import guarded
from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.capture.dataset import CapturedDataset
    from aims_mlops.capture.run import Run

_CHECKED_ROLES = ("test", "validation", "evaluation")


@dataclass(frozen=True, slots=True)
class Check:
    """One measured thing: the kind of evidence, its figures, the data set it is about."""

    kind: str
    measured: Mapping[str, Any]
    dataset: CapturedDataset | None

    def body(self) -> dict[str, Any]:
        reference = None if self.dataset is None else self.dataset.reference
        return {**self.measured, "dataset": reference}


def check(
    run: Run, columns: Mapping[str, Any], *, task: str | None, dataset: str | None
) -> list[Check]:
    """Measure performance, and bias where there are groups; a failure becomes a gap of the run."""
    found: list[Check] = []
    about: CapturedDataset | None = None
    with guarded(run, "check"):
        about = _dataset_of(run, dataset)
    given = {name: value for name, value in columns.items() if value is not None}
    if task is not None:
        given["task"] = task
    with guarded(run, "performance"):
        from aims_mlops.measures.performance import measure_performance

        found.append(Check("performance", measure_performance(**given).to_body(), about))
    if "sensitive" in given and run.settings.bias and find_spec("fairlearn") is not None:
        with guarded(run, "bias"):
            from aims_mlops.measures.bias import measure_bias

            found.append(Check("bias", measure_bias(**given).to_body(), about))
    return found


def _dataset_of(run: Run, name: str | None) -> CapturedDataset | None:
    if name is None:
        fitting = [entry for entry in run.datasets if entry.about.role in _CHECKED_ROLES]
        return fitting[0] if len(fitting) == 1 else None
    for entry in run.datasets:
        if entry.about.name == name:
            return entry
    raise InputError(
        f"the run has no data set {name!r}",
        got=", ".join(sorted(entry.about.name for entry in run.datasets)) or "none",
        next_step=f"declare it first: aims.dataset(data, {name!r})",
    )
