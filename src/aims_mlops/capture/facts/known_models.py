"""Models that are handed from a training to an evaluation, in one process.

An evaluation that is given a model says something about that very content. If the process has
recorded the object, its digest is known; a plugin may show which stored model it was loaded from;
any other goes by the digest of its pickle.
"""

from __future__ import annotations

import contextlib
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.facts.models import is_model, pickled
from aims_mlops.capture.state.captured import CapturedModel
from aims_mlops.capture.state.plugin_calls import first_plugin
from aims_mlops.evidence.model_reference import ModelReference

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

# id of a model -> (weak reference to it, digest of its pickle when it was recorded, reference)
_kept: dict[int, tuple[weakref.ref[Any], str, ModelReference]] = {}


def keep(model: Any, reference: ModelReference) -> None:
    """Remember that a model was recorded, for as long as the object lives."""
    with contextlib.suppress(Exception):  # not to be pickled or referred to: not to be known again
        key = id(model)
        content = pickled(model, "model").sha256
        _kept[key] = (weakref.ref(model, partial(_forget, key)), content, reference)


def note_arguments(run: RunState, given: dict[str, Any]) -> None:
    """Note the models that an evaluation is given."""
    if run.activity == "evaluation":
        run.given_models += [(name, value) for name, value in given.items() if is_model(value)]


def link_given_models(run: RunState) -> None:
    """Tie an evaluation to the models it was given, and tell the run around it what was found.

    That one may save the same object when it ends; its figures are then the model's too.
    """
    if not run.given_models:
        return
    for name, model in run.given_models:
        if run.outer is not None:
            run.outer.checks_of_given.append((model, tuple(run.checks)))
        reference = _known(model)
        if reference is None:
            found = first_plugin(run, "recognise_model", model=model)
            reference = found if isinstance(found, ModelReference) else None
        if reference is None:
            with contextlib.suppress(Exception):  # unfitted or not to be pickled: just an argument
                reference = pickled(model, name)
        if reference is not None:
            run.models.append(
                CapturedModel(name=reference.name or name, reference=reference, named=True)
            )
    run.given_models.clear()


def adopt_checks(run: RunState, model: Any) -> None:
    """Take over what nested evaluations found out about a model that this run has saved."""
    for given, checks in run.checks_of_given:
        if given is model:
            run.checks += [check for check in checks if check not in run.checks]


def _known(model: Any) -> ModelReference | None:
    """The reference of a model that was recorded and has not changed since."""
    found = _kept.get(id(model))
    if found is None or found[0]() is not model:
        return None
    with contextlib.suppress(Exception):
        if pickled(model, "model").sha256 == found[1]:
            return found[2]
    return None


def _forget(key: int, reference: weakref.ref[Any]) -> None:
    found = _kept.get(key)
    if found is not None and found[0] is reference:
        del _kept[key]
