"""The state of a run: what it was told and what it has gathered so far."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.arguments.parameters import Parameters
from aims_mlops.capture.state.captured import (
    CapturedDataset,
    CapturedModel,
    Check,
    Code,
    Gap,
    Overlap,
    class_name,
)
from aims_mlops.capture.state.settings import RunSettings
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Subject
from aims_mlops.evidence.secrets import scrubbed

if TYPE_CHECKING:
    from aims_mlops.store.disk.start_marker import StartMarker


class RunState:
    """What a run has gathered so far, without what a user calls on it.

    Its fields are those of `Run` (`aims_mlops.capture.run`), which has their meaning and units.
    """

    def __init__(
        self,
        settings: RunSettings,
        *,
        name: str,
        system: str | None,
        outer: RunState | None = None,
        code: Code | None = None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.activity = settings.activity
        self.name = scrubbed(name)
        self.system = system
        self.outer = outer
        self.parent = None if outer is None else outer.id
        self.settings = settings
        self.code = code
        self.actor = "unknown"
        self.process = os.getpid()
        self.links: dict[str, str] = {}
        self.parameters = Parameters()
        self.tags = Parameters()
        self.datasets: list[CapturedDataset] = []
        self.tables: dict[str, Any] = {}  # weak references by digest, to compare rows
        self.overlaps: dict[tuple[str, ...], Overlap] = {}
        self.models: list[CapturedModel] = []
        self.pending_models: dict[str, Any] = {}
        self.licences: dict[str, str] = {}  # of pending models that have one of their own
        self.given_models: list[tuple[str, Any]] = []  # arguments of an evaluation
        self.checks_of_given: list[tuple[Any, tuple[Check, ...]]] = []  # by nested evaluations
        self.describing: CapturedModel | None = None  # for `save_model`: what is being saved
        self.checks: list[Check] = []
        self.gaps: list[Gap] = []
        self.status = "running"
        self.error: BaseException | None = None
        self.started_at = stamp(datetime.now(UTC))
        self.ended_at: str | None = None
        self.duration_seconds = 0.0
        self.marker: StartMarker | None = None  # on disk while the user's code runs
        self.recorded = True  # False: capture is switched off, nothing is kept
        self._started = time.perf_counter()

    def __repr__(self) -> str:
        return f"<aims run {self.id[:8]} {self.activity} {self.name!r} {self.status}>"

    @property
    def subject(self) -> Subject:
        """The subject under which evidence about this run is found."""
        return Subject.of_name(f"run:{self.id}")

    def restart_clock(self) -> None:
        """Let the user's code begin now, so that its duration leaves out ours."""
        self._started = time.perf_counter()

    def end(self, error: BaseException | None) -> None:
        """Note how and when the user's code ended; the recorder calls it."""
        self.duration_seconds = max(0.0, time.perf_counter() - self._started)
        self.ended_at = stamp(datetime.now(UTC))
        self.error = None if _harmless(error) else error
        self.status = "finished" if self.error is None else "failed"

    def forget(self) -> None:
        """Let go of the user's objects, so that a run that is kept keeps none of them alive."""
        self.outer = None
        self.describing = None
        self.checks_of_given.clear()
        for model in self.models:
            model.model = None

    def body(self) -> Mapping[str, Any]:
        """The body of this run's own evidence; the class of an error, never its message."""
        return {
            "activity": self.activity,
            "name": self.name,
            "status": self.status,
            "error": None if self.error is None else class_name(self.error),
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "duration_seconds": round(self.duration_seconds, 6),
            "parent": self.parent,
            "links": dict(sorted(self.links.items())),
            "tags": self.tags.values,
            "gaps": [gap.where for gap in self.gaps],
        }


def _harmless(error: BaseException | None) -> bool:
    """Whether the user's code ended as it wanted to: a closed generator, `sys.exit()`."""
    if error is None or isinstance(error, GeneratorExit):
        return True
    return isinstance(error, SystemExit) and error.code in (None, 0)
