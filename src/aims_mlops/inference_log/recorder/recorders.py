"""The recorders of this process: one for each system and model, made when a call needs it."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.inference_log.columns.rows import LogSettings
from aims_mlops.inference_log.recorder.recorder import Recorder
from aims_mlops.inference_log.storage.hashing import hashing_key
from aims_mlops.inference_log.storage.layout import Folder
from aims_mlops.inference_log.storage.state import state_folder
from aims_mlops.inference_log.storage.trouble import Trouble
from aims_mlops.inventory.declared.inference_settings import Inference

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project

_lock = threading.Lock()
_recorders: dict[tuple[str, ...], Recorder] = {}
_generation = 0
_logger = logging.getLogger("aims_mlops.inference")


def recorder_for(
    system: str,
    *,
    model: ModelReference | str | None = None,
    target: str | None = None,
    project: Project | None = None,
    settings: Inference | None = None,
    trouble: Trouble | None = None,
) -> Recorder:
    """The recorder of a system and model in this process.

    model : what answers: a reference, or a URI or path that is resolved and digested now.
    settings : instead of those in aims.yaml.  trouble : what the log has to say of itself.
    Raises InputError for a system that aims.yaml does not name, ModelNotFoundError, DocumentError,
    OSError.
    """
    from aims_mlops.inventory.project import find_project

    project = project or find_project()
    uri = model.uri if isinstance(model, ModelReference) else model or ""
    name = (str(project.root), system, uri, target or "", repr(settings), repr(trouble))
    with _lock:
        if name not in _recorders:
            found = settings or project.inference_settings(system)
            _recorders[name] = _recorder(project, system, found, model, target, trouble)
        return _recorders[name]


def _recorder(
    project: Project,
    system: str,
    settings: Inference,
    model: ModelReference | str | None,
    target: str | None,
    trouble: Trouble | None,
) -> Recorder:
    from aims_mlops.dossier.query import resolve_model

    if isinstance(model, str):
        model = resolve_model(model)
    version = None
    if model is not None and model.name and model.version:
        version = f"{model.name}/{model.version}"
    kept = LogSettings(
        settings,
        hashing_key(state_folder(project.root)) if settings.hash else b"",
        model=model.sha256 if model else None,
        version=version,
        target=project.target_name(target) if target else None,
    )
    folder = Folder.of(settings.folder, project.root)
    return Recorder(project, system, folder, kept, trouble=trouble)


def _unopened(system: str, trouble: Trouble) -> Recorder:
    """A recorder that writes no row and counts every one, for a log that cannot be opened."""
    from aims_mlops.inventory.declared.settings import Settings
    from aims_mlops.inventory.project import Project, find_project, project_folder

    try:
        project, spools = find_project(), False
    except Exception:  # noqa: BLE001  an aims.yaml that cannot be read does not say where to store
        project, spools = Project(project_folder(), None, Settings()), True
    name = (str(project.root), system, repr(trouble))
    with _lock:
        if name not in _recorders:
            folder = Folder.of(Inference().folder, project.root)
            kept = LogSettings(Inference(), b"")
            _recorders[name] = Recorder(
                project, system, folder, kept, trouble=trouble, spools=spools
            )
        return _recorders[name]


class LazyRecorder:
    """A recorder that is opened with the first call; what stands in its way stops no call.

    A model that cannot be resolved costs the log its digest and no row. Where no log can be opened
    at all, calls and rows are counted as dropped. Either is a `gap` from the first call on.
    Under pytest, or with AIMS_CAPTURE_ERRORS=raise, the first call raises it instead.
    """

    def __init__(
        self,
        system: str,
        *,
        model: ModelReference | str | None = None,
        target: str | None = None,
    ) -> None:
        self._system, self._model, self._target = system, model, target
        self._recorder: Recorder | None = None
        self._off = False
        self._generation = _generation

    def __call__(self) -> Recorder | None:
        """The recorder, or None if nothing is logged."""
        if self._generation != _generation:  # recorders were forgotten since
            self._recorder, self._off, self._generation = None, False, _generation
        if self._recorder is not None or self._off:
            return self._recorder
        if os.environ.get("AIMS_CAPTURE", "").lower() in ("off", "0", "false"):
            self._off = True
            return None
        try:
            self._recorder = recorder_for(self._system, model=self._model, target=self._target)
        except Exception as error:
            if _raises():
                raise
            self._recorder = self._despite(error)
            self._off = self._recorder is None
        return self._recorder

    def _despite(self, error: Exception) -> Recorder | None:
        """What can be logged all the same; at least the counts. Raises nothing."""
        try:
            if self._model is not None:
                try:
                    without = Trouble.of("model", error)
                    found = recorder_for(self._system, target=self._target, trouble=without)
                    _logger.error(
                        "aims: predictions of %s are logged without their model: %s",
                        self._system,
                        error,
                    )
                    return found
                except Exception as worse:  # noqa: BLE001  it was not the model
                    error = worse
            _logger.error("aims: predictions of %s are not logged: %s", self._system, error)
            return _unopened(self._system, Trouble.of("log", error))
        except Exception as broken:  # noqa: BLE001  a prediction is on its way
            _logger.error("aims: predictions of %s are not counted: %s", self._system, broken)
            return None


def forget_recorders() -> None:
    """Close this process's recorders; the next call opens them anew, as aims.yaml is then."""
    global _generation
    with _lock:
        _generation += 1
        for recorder in _recorders.values():
            recorder.close()
        _recorders.clear()


def _raises() -> bool:
    choice = os.environ.get("AIMS_CAPTURE_ERRORS")
    return choice == "raise" if choice in ("raise", "warn") else "PYTEST_CURRENT_TEST" in os.environ
