"""Models of a run: written where models are kept, digested, described."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.facts.model_parameters import parameters_of
from aims_mlops.capture.state.captured import CapturedModel
from aims_mlops.capture.state.gaps import guarded, note
from aims_mlops.capture.state.packages import installed_packages, packages_of
from aims_mlops.capture.state.plugin_calls import first_plugin
from aims_mlops.errors import InputError, ModelNotFoundError
from aims_mlops.evidence.model_reference import FileDigest, ModelReference
from aims_mlops.evidence.personal import is_identifier, name_of_code
from aims_mlops.evidence.secrets import scrubbed

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

_PARTS_LIMIT = 10_000  # items of a returned tuple, list or dict that are looked at for models
_MODELS_LIMIT = 20  # models of one run that are saved; more are a gap


_WITHOUT_PREDICT = {
    ("torch", "Module"),
    ("keras", "Model"),
    ("onnx", "ModelProto"),
    ("spacy", "Language"),
    ("pyspark", "Model"),
}


def remember(run: RunState, model: Any, name: str, licence: str | None = None) -> None:
    """Keep a model for the end of the run, or resolve the URI or path that names it, now."""
    if isinstance(model, str | os.PathLike):
        reference = first_plugin(run, "resolve_model", uri=str(os.fspath(model)))
        if reference is None:
            raise ModelNotFoundError(
                f"no plugin knows the model {str(model)[:200]!r}",
                expected="a path, or a URI such as models:/name/version or runs:/id/path",
                next_step="aims plugins",
            )
        run.models.append(
            CapturedModel(
                name=reference.name or name,
                reference=reference,
                named=True,
                licence=_licence(run, licence),
            )
        )
    else:
        free = _free(name, model, run.pending_models)
        run.pending_models[free] = model
        if licence is not None:
            run.licences[free] = str(licence)


def _licence(run: RunState, own: str | None) -> str | None:
    """The licence of a model, its own or that of the run's models; secrets cut out."""
    said = own if own is not None else run.settings.licence
    return None if said is None else scrubbed(str(said))


def _free(name: str, model: Any, taken: Mapping[str, Any]) -> str:
    """The name, or one with a number where another model has it: none takes another's place."""
    free, number = name, 1
    while free in taken and taken[free] is not model:
        number += 1
        free = f"{name}-{number}"
    return free


def save_models(run: RunState, result: object) -> list[CapturedModel]:
    """Save the models that the run was told of and those that its function returned."""
    pending = dict(run.pending_models)
    known = {id(model) for model in pending.values()}
    for name, model in _models_in(result):
        if id(model) not in known:
            known.add(id(model))
            pending[_free(name, model, pending)] = model
    run.pending_models.clear()
    named = len(run.models)
    if not pending and run.settings.register is not None and run.error is None:
        _note_nothing_to_register(run)
    for name in list(pending)[_MODELS_LIMIT:]:
        del pending[name]
        more = InputError(
            f"model {name!r} is not recorded",
            got=f"more than {_MODELS_LIMIT} models in one run",
            expected=f"at most {_MODELS_LIMIT}",
            next_step="train each in a run of its own: decorate the function that makes one",
        )
        note(run, f"model {name}", more)
    for name, model in pending.items():
        with guarded(run, f"model {name}"):
            _save(run, name, model)
    return run.models[named:]


def _note_nothing_to_register(run: RunState) -> None:
    nothing = InputError(
        f"nothing is registered as {run.settings.register!r}: no model was seen",
        got="no return value, or part of one, with a method predict",
        expected="a fitted model that the function returns, or that run.model(model) is given",
        next_step="return the model, or call aims.current_run().model(model)",
    )
    note(run, "registration", nothing)


def _save(run: RunState, name: str, model: Any) -> None:
    _refuse_unfitted(model)
    entry = described(name, model)
    entry.licence = _licence(run, run.licences.get(name))
    run.describing = entry
    gaps = len(run.gaps)
    reference = first_plugin(run, "save_model", run=run, model=model, name=name)
    if reference is None:
        if len(run.gaps) > gaps:
            return  # each plugin that tried has said why it failed
        raise InputError(
            f"no plugin could save model {name!r}", got=str(entry.klass), next_step="aims plugins"
        )
    entry.reference = reference
    run.models.append(entry)


def described(name: str, model: Any) -> CapturedModel:
    """What can be said of a model without saving it."""
    kind = type(model)
    return CapturedModel(
        name=name,
        reference=ModelReference(uri=name, sha256=hashlib.sha256(b"").hexdigest()),
        framework=framework_of(model),
        klass=name_of_code(kind, module=True),
        parameters=parameters_of(model),
        model=model,
    )


def framework_of(model: Any) -> str | None:
    """Package and version that a model's class comes from, such as 'scikit-learn 1.9.1'."""
    for kind in type(model).__mro__:
        for package in packages_of(kind.__module__.partition(".")[0])[:1]:
            return f"{package} {installed_packages()[package]}"
    return None


def pickled(model: Any, name: str) -> ModelReference:
    """A reference to a model that is kept nowhere: the digest of its pickle, protocol 5.

    Pickles of equal models can differ between versions of Python and of the framework.
    """
    digest = _Digest()
    pickle.Pickler(digest, protocol=5).dump(model)
    sha256 = digest.sha256.hexdigest()
    file = FileDigest(f"{name}.pickle", digest.size, sha256)
    return ModelReference(uri=f"sha256:{sha256}", sha256=sha256, files=(file,))


class _Digest:
    """A file that keeps nothing but the digest of what is written to it."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        view = memoryview(content)
        self.sha256.update(view)
        self.size += view.nbytes
        return view.nbytes


def is_model(value: object) -> bool:
    """Whether a value is a model: it predicts, or is one of a known framework that does not."""
    if isinstance(value, type) or value is None:
        return False
    if callable(getattr(value, "predict", None)):
        return True
    names = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(value).__mro__}
    return bool(names & _WITHOUT_PREDICT)


def _models_in(result: object) -> Iterator[tuple[str, Any]]:
    if is_model(result):
        yield "model", result
    elif isinstance(result, Mapping):
        for key, value in list(result.items())[:_PARTS_LIMIT]:
            if is_model(value):
                yield (str(key) if is_identifier(str(key)) else "model"), value
    elif isinstance(result, tuple | list):
        for value in result[:_PARTS_LIMIT]:
            if is_model(value):
                yield "model", value


def _refuse_unfitted(model: Any) -> None:
    if not any(kind.__module__.startswith("sklearn.") for kind in type(model).__mro__):
        return
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise InputError(
            f"the model is not fitted; its class is {type(model).__qualname__}",
            expected="a fitted model",
            next_step="return or record it after fit()",
        ) from error
    except TypeError:
        return  # not an estimator in the sense of scikit-learn
