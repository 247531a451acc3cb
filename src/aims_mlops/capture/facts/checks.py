"""Performance and bias of a run, from `run.check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.state.captured import CapturedDataset, Check
from aims_mlops.capture.state.gaps import guarded, note
from aims_mlops.errors import AimsError, InputError
from aims_mlops.plugins import hooks

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

_CHECKED_ROLES = ("test", "validation", "evaluation")


def check(run: RunState, columns: Mapping[str, Any], *, dataset: str | None) -> list[Check]:
    """Measure performance, and bias where there are groups; a failure becomes a gap of the run."""
    found: list[Check] = []
    about: CapturedDataset | None = None
    with guarded(run, "check"):
        about = _dataset_of(run, dataset)
    given = {name: value for name, value in columns.items() if value is not None}
    with guarded(run, "check"):
        given = _positive_scores(given)
    sensitive = given.pop("sensitive", None)
    with guarded(run, "performance"):
        measured = _performance(run, sensitive, given)
        found.append(Check("performance", measured.to_body(), about))
    if sensitive is not None and run.settings.bias:
        with guarded(run, "bias"):
            compared = measure_named("bias")(sensitive=sensitive, **given)
            found.append(Check("bias", compared.to_body(), about))
    return found


def _performance(run: RunState, groups: Any, given: Mapping[str, Any]) -> Any:
    """By group where the groups can be used; else of the whole, and the groups become a gap."""
    measure_performance = measure_named("performance")
    if groups is None:
        return measure_performance(**given)
    try:
        return measure_performance(groups=groups, **given)
    except AimsError as error:
        whole = measure_performance(**given)
        note(run, "performance by group", error)
        return whole


def measure(
    run: RunState,
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    dataset: str | None,
) -> tuple[Any, list[Check]]:
    """What a registered measure returns, and the check to record; a failure becomes a gap."""
    result: Any = None
    found: list[Check] = []
    with guarded(run, f"measure {name}"):
        about = _dataset_of(run, dataset)
        result = measure_named(name)(*args, **kwargs)
        found.append(Check(result.kind, result.to_body(), about))
    return result, found


def measure_named(name: str) -> Callable[..., Any]:
    """The measure that a plugin registered under a name; the built-in ones keep theirs.

    Raises InputError for a name that no plugin brings.
    """
    measures: dict[str, Callable[..., Any]] = {}
    for brought in reversed(hooks().register_measures()):  # pluggy gives the newest first
        measures = {**brought, **measures}
    if name not in measures:
        raise InputError(
            f"no plugin brings a measure {name!r}",
            got=name,
            expected=", ".join(sorted(measures)),
            next_step="install the plugin, or see what is loaded: aims plugins",
        )
    return measures[name]


def _positive_scores(given: dict[str, Any]) -> dict[str, Any]:
    """`predict_proba` gives a column for each class; of two, the positive one's is taken.

    It is the column that is named after it, else the second.
    """
    shape: tuple[int, ...] = getattr(given.get("y_score"), "shape", ())
    if len(shape) == 2 and shape[1] == 2 and hasattr(given["y_score"], "__array__"):
        import numpy as np

        names = [str(name) for name in getattr(given["y_score"], "columns", ())]
        wanted = str(given.get("positive_label", "1"))
        place = names.index(wanted) if wanted in names else 1
        return {**given, "y_score": np.asarray(given["y_score"])[:, place]}
    return given


def _dataset_of(run: RunState, name: str | None) -> CapturedDataset | None:
    if name is None:
        fitting = [entry for entry in run.datasets if entry.about.role in _CHECKED_ROLES]
        return fitting[0] if len(fitting) == 1 else None
    for entry in run.datasets:
        if entry.about.name == name:
            return entry
    raise InputError(
        f"the run has no dataset {name!r}",
        got=", ".join(sorted(entry.about.name for entry in run.datasets)) or "none",
        next_step=f"declare it first: aims.dataset(data, {name!r})",
    )
