"""Which object was logged to MLflow as which model, seen as it is logged.

Every flavor of MLflow, autologging included, logs through `Model.log`. While a run of ours goes
on, each object that is passed to it is noted with a digest of its state just before, so that the
object that a function returns can be told from others that look like it, and from what it was
itself before it was trained further.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aims_mlops.capture.facts.model_state import state_of


@dataclass(frozen=True, slots=True)
class Sighting:
    """One model as it was logged.

    model_id : of the logged model.  state : see `state_of`.  tracking_uri : where it was logged.
    at : seconds since the epoch, before it was logged.
    """

    model_id: str
    state: str
    tracking_uri: str
    at: float


_seen: dict[int, tuple[weakref.ref[Any], list[Sighting]]] = {}
_watching: set[str] = set()  # ids of runs of ours that go on


def begin(run_id: str) -> None:
    """Watch what is logged until `end`; nothing is imported for it."""
    _watching.add(run_id)
    install()


def end(run_id: str) -> None:
    """Forget what was seen, once nothing watches any longer."""
    _watching.discard(run_id)
    if not _watching:
        _seen.clear()


def sightings_of(model: Any, *, since: float) -> list[Sighting]:
    """As what this very object was logged since then, and not changed since; newest first."""
    reference, found = _seen.get(id(model), (None, []))
    if reference is None or reference() is not model:
        return []
    listed = [entry for entry in found if entry.at >= since]
    state = state_of(model) if listed else None
    return [entry for entry in reversed(listed) if entry.state == state]


def install() -> None:
    """Look on at `Model.log` if MLflow is loaded; MLflow's own run context calls this as well."""
    module: Any = sys.modules.get("mlflow.models.model")
    kind = getattr(module, "Model", None)
    if kind is None or getattr(kind.log, "_aims_looks_on", False):
        return
    kind.log = classmethod(_looking_on(kind.__dict__["log"].__func__))


def _looking_on(log: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(log)
    def wrapper(cls: Any, *args: Any, **kwargs: Any) -> Any:
        at, noted = time.time(), _models_in(kwargs) if _watching else []
        info = log(cls, *args, **kwargs)
        with contextlib.suppress(Exception):
            _note(noted, info, at)
        return info

    wrapper._aims_looks_on = True  # type: ignore[attr-defined]
    return wrapper


def _models_in(arguments: dict[str, Any]) -> list[tuple[Any, str]]:
    """The objects that a flavor is to write, with their state: `sk_model`, `python_model`, …"""
    found: list[tuple[Any, str]] = []
    with contextlib.suppress(Exception):
        for name, value in arguments.items():
            if name.endswith("model") and name != "mlflow_model" and not isinstance(value, str):
                state = state_of(value)
                if state is not None:
                    found.append((value, state))
    return found


def _note(noted: list[tuple[Any, str]], info: Any, at: float) -> None:
    import mlflow

    for model, state in noted:
        key = id(model)
        sighting = Sighting(str(info.model_id), state, str(mlflow.get_tracking_uri()), at)
        reference, found = _seen.get(key, (None, []))
        if reference is None or reference() is not model:
            reference, found = weakref.ref(model, partial(_forget, key)), []
            _seen[key] = (reference, found)
        found.append(sighting)


def _forget(key: int, reference: weakref.ref[Any]) -> None:
    if key in _seen and _seen[key][0] is reference:
        del _seen[key]
