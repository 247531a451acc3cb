"""The recorders of this process: one for each system and model, made when a call needs it."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError
from aims_mlops.evidence.models import ModelReference
from aims_mlops.inventory.inference import Inference
from aims_mlops.monitoring.inference.hashing import hashing_key
from aims_mlops.monitoring.inference.layout import Folder
from aims_mlops.monitoring.inference.recorder import Recorder
from aims_mlops.monitoring.inference.rows import Kept
from aims_mlops.monitoring.inference.state import state_folder

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
) -> Recorder:
    """The recorder of a system and model in this process.

    model : what answers: a reference, or a URI or path that is resolved and digested now.
    settings : instead of those in aims.yaml.  Raises InputError for a system that aims.yaml does
    not name, ModelNotFoundError, DocumentError, OSError.
    """
    from aims_mlops.inventory.project import find_project

    project = project or find_project()
    uri = model.uri if isinstance(model, ModelReference) else model or ""
    name = (str(project.root), system, uri, target or "", repr(settings))
    with _lock:
        if name not in _recorders:
            found = settings or settings_of(project, system)
            _recorders[name] = _recorder(project, system, found, model, target)
        return _recorders[name]


def _recorder(
    project: Project,
    system: str,
    settings: Inference,
    model: ModelReference | str | None,
    target: str | None,
) -> Recorder:
    from aims_mlops.assessments.gathering import resolve_model

    if isinstance(model, str):
        model = resolve_model(model)
    version = None
    if model is not None and model.name and model.version:
        version = f"{model.name}/{model.version}"
    kept = Kept(
        settings,
        hashing_key(state_folder(project.root)) if settings.hash else b"",
        model=model.sha256 if model else None,
        version=version,
        target=project.target_name(target) if target else None,
    )
    return Recorder(project, system, Folder.of(settings.folder, project.root), kept)


def settings_of(project: Project, system: str) -> Inference:
    """What aims.yaml says of a system's log; the defaults where there is no aims.yaml.

    Raises InputError for a system that it does not name.
    """
    known = project.system(system)
    if known is not None:
        return known.inference
    if project.path is None:
        return Inference()
    raise InputError(
        "aims.yaml names no such AI system",
        got=repr(system),
        expected=", ".join(s.id for s in project.systems) or "systems in aims.yaml",
    )


class Lazily:
    """A recorder that is opened with the first call; what stands in its way stops no call.

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
            self._off = True
            _logger.error("aims: predictions of %s are not logged: %s", self._system, error)
        return self._recorder


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
