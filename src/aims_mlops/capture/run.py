"""The run, as the user's code and plugins see it."""

from __future__ import annotations

from typing import Any, TypeVar

from aims_mlops.capture.facts.checks import check, measure
from aims_mlops.capture.facts.dataset import capture_tables, declare
from aims_mlops.capture.facts.models import remember
from aims_mlops.capture.state.current import active_run
from aims_mlops.capture.state.gaps import guarded, usable
from aims_mlops.capture.state.run_state import RunState
from aims_mlops.errors import InputError

T = TypeVar("T")


class Run(RunState):
    """One call of a decorated function, or one `with aims.run()` block.

    id : 32 hex digits.  activity, name, system, settings : see `RunSettings`.
    parent : id of the run around this one, in the same thread, task or forked process.
    links : {where: id} of this run in other systems, such as {'mlflow_run': '…'}.
    status : 'running', 'finished' or 'failed'.  error : what the user's code raised, if anything.
    started_at, ended_at : RFC 3339.  duration_seconds : of the user's
        code, calls of ours in it included.
    """

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

        What cannot be measured becomes a recorded gap; nothing is raised outside of tests.

        Parameters
        ----------
        y_true, y_pred : (n,) labels or numbers.  y_score : (n,) scores of the positive class, or
            what `predict_proba` gives for two classes.
        sensitive : a frame, series or dict of (n,) labels; unknown values become a group.
        dataset : name of the dataset of this run that these rows come from; the only one with
            role 'test', 'validation' or 'evaluation' if not given.
        settings : further arguments that both measures take: `task`, `threshold`, `labels`,
            `positive_label`.
        """
        if usable(self, "check"):
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
        dataset : name of the dataset of this run that it is about, as for `check`.

        What cannot be measured becomes a recorded gap, and None is returned; nothing is raised
        outside of tests.
        """
        if not usable(self, "measure"):
            return None
        result, checks = measure(self, name, args, kwargs, dataset=dataset)
        self.checks += checks
        return result

    def model(self, model: T, *, name: str = "model", licence: str | None = None) -> T:
        """Record a model of this run and return it as it came.

        model : a fitted model, a URI ('models:/…', 'runs:/…'), or a path to a file or folder.
        licence : under which rights it may be used; an SPDX identifier where there is one.
        """
        if usable(self, "model"):
            with guarded(self, f"model {name}"):
                remember(self, model, name, licence)
        return model

    def dataset(self, data: T, name: str, **about: Any) -> T:
        """Record a dataset of this run and return it as it came; see `aims.dataset`."""
        if usable(self, "dataset"):
            declare(self, data, name, **about)
        return data

    def parameter(self, name: str, value: object) -> None:
        """Record one parameter, as an argument of a decorated function is; secrets scrubbed."""
        if usable(self, "parameter"):
            with guarded(self, "parameters"):
                self.parameters.add(name, value)
            capture_tables(self)


def current_run() -> Run:
    """The innermost run of this thread or task; raises InputError outside of one."""
    run = active_run()
    if not isinstance(run, Run):
        raise InputError(
            "there is no run here",
            expected="a call inside a decorated function or a `with aims.run():` block of the "
            "same thread or task",
            next_step="decorate the function with @aims.training(system='…')",
        )
    return run
