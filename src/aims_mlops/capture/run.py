"""The run: what the user's code and plugins see of it, and what it has gathered so far."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from aims_mlops.capture.failures import Gap, class_name, guarded, note
from aims_mlops.capture.parameters import Parameters
from aims_mlops.capture.secrets import scrubbed
from aims_mlops.capture.settings import RunSettings
from aims_mlops.errors import InputError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Subject

if TYPE_CHECKING:
    from aims_mlops.capture.checks import Check
    from aims_mlops.capture.dataset import CapturedDataset
    from aims_mlops.capture.models import CapturedModel
    from aims_mlops.capture.overlap import Overlap
    from aims_mlops.store.start_marker import StartMarker

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Code:
    """The decorated function, so that its source can be digested after the run."""

    function: Callable[..., Any]
    qualified_name: str


class Run:
    """One call of a decorated function, or one `with aims.run()` block.

    id : 32 hex digits.  activity, name, system, settings : see `RunSettings`.
    parent : id of the run around this one, in the same thread, task or forked process.
    links : {where: id} of this run in other systems, such as {'mlflow_run': '…'}.
    status : 'running', 'finished' or 'failed'.  error : what the user's code raised, if anything.
    started_at, ended_at : RFC 3339.  duration_seconds : of the user's
        code, calls of ours in it included.
    """

    def __init__(
        self,
        settings: RunSettings,
        *,
        name: str,
        system: str | None,
        outer: Run | None = None,
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

    def check(
        self,
        *,
        y_true: Any,
        y_pred: Any = None,
        y_score: Any = None,
        sensitive: Any = None,
        sample_weight: Any = None,
        dataset: str | None = None,
        **settings: Any,
    ) -> None:
        """Measure performance, and bias where `sensitive` is given, and record both.

        Parameters
        ----------
        y_true, y_pred : (n,) labels or numbers.  y_score : (n,) scores of the positive class, or
            what `predict_proba` gives for two classes.
        sensitive : a frame, series or dict of (n,) labels; unknown values become a group.
        dataset : name of the data set of this run that these rows come from; the only one with
            role 'test', 'validation' or 'evaluation' if not given.

        settings : further arguments that both measures take: `task`, `threshold`, `labels`,
            `positive_label`.

        What cannot be measured becomes a recorded gap; nothing is raised outside of tests.
        """
        from aims_mlops.capture.checks import check

        if self._usable("check"):
            columns = {
                "y_true": y_true,
                "y_pred": y_pred,
                "y_score": y_score,
                "sensitive": sensitive,
                "sample_weight": sample_weight,
                **settings,
            }
            self.checks += check(self, columns, dataset=dataset)

    def measure(self, name: str, *args: Any, dataset: str | None = None, **kwargs: Any) -> Any:
        """Call a measure that a plugin registered, record what it found, and return it.

        name : as the plugin names it; the built-in ones are 'performance', 'bias', 'data-quality'
            and 'drift'.  args, kwargs : what the measure takes.
        dataset : name of the data set of this run that it is about, as for `check`.

        What cannot be measured becomes a recorded gap, and None is returned; nothing is raised
        outside of tests.
        """
        from aims_mlops.capture.checks import measure

        if not self._usable("measure"):
            return None
        result, checks = measure(self, name, args, kwargs, dataset=dataset)
        self.checks += checks
        return result

    def model(self, model: T, *, name: str = "model") -> T:
        """Record a model of this run and return it as it came.

        model : a fitted model, a URI ('models:/…', 'runs:/…'), or a path to a file or folder.
        """
        from aims_mlops.capture.models import remember

        if self._usable("model"):
            with guarded(self, f"model {name}"):
                remember(self, model, name)
        return model

    def dataset(self, data: T, name: str, **about: Any) -> T:
        """Record a data set of this run and return it as it came; see `aims.dataset`."""
        from aims_mlops.capture.dataset import declare

        if self._usable("dataset"):
            declare(self, data, name, **about)
        return data

    def parameter(self, name: str, value: object) -> None:
        """Record one parameter, as an argument of a decorated function is; secrets scrubbed."""
        if self._usable("parameter"):
            from aims_mlops.capture.dataset import capture_tables

            with guarded(self, "parameters"):
                self.parameters.add(name, value)
            capture_tables(self)

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

    def _usable(self, what: str) -> bool:
        if not self.recorded:
            return False
        problem = None
        if self.status != "running":
            problem = "has ended"
        elif self.process != os.getpid():
            problem = "belongs to another process"
        if problem is None:
            return True
        late = InputError(
            f"{what} came to a run that {problem}, so it cannot be recorded there",
            next_step="call it inside the run, or decorate the function that the worker runs",
        )
        note(self, what, late)
        return False


def _harmless(error: BaseException | None) -> bool:
    """Whether the user's code ended as it wanted to: a closed generator, `sys.exit()`."""
    if error is None or isinstance(error, GeneratorExit):
        return True
    return isinstance(error, SystemExit) and error.code in (None, 0)
