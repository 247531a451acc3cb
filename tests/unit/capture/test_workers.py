"""Decorated functions in worker processes and threads: every call recorded, in one log."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import cloudpickle
import joblib
import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project

Recorded = Callable[..., list[Evidence]]


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """worker_functions, importable by name here and in processes that start afresh."""
    folder = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", folder)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # workers must fail open as in real life
    yield importlib.import_module("worker_functions")
    sys.modules.pop("worker_functions", None)


def verified(recorded: Recorded, count: int) -> set[int]:
    """Check that the log holds so many runs and is whole; the processes they ran in."""
    find_project().open_store().status()
    runs = recorded("run")
    assert len(runs) == count
    assert len({e.run for e in runs}) == count
    assert recorded("gap") == []
    return {e.body["parameters"]["process"] for e in recorded("parameters")}


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_multiprocessing_workers_record_their_calls(
    recorded: Recorded, functions: ModuleType, method: str
) -> None:
    functions.square(1)  # the parent's store is open when the workers start
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map(functions.square, range(6), chunksize=1)
        pool.close()
        pool.join()
    assert [value for value, _ in found] == [0, 1, 4, 9, 16, 25]
    processes = verified(recorded, 7)
    assert processes == {os.getpid(), *(process for _, process in found)}
    assert os.getpid() not in {process for _, process in found}


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_joblib_workers_record_their_calls(
    recorded: Recorded, functions: ModuleType, backend: str
) -> None:
    parallel = joblib.Parallel(n_jobs=2, backend=backend)
    found = parallel(joblib.delayed(functions.square)(x) for x in range(6))
    assert [value for value, _ in found] == [0, 1, 4, 9, 16, 25]
    assert verified(recorded, 6) == {process for _, process in found}
    if backend == "loky":
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)


def test_decorated_function_pickles_by_name(functions: ModuleType) -> None:
    assert pickle.loads(pickle.dumps(functions.square)) is functions.square
    method = pickle.loads(pickle.dumps(functions.Trainer().cube))
    assert method.__func__ is functions.Trainer.cube


def test_function_of_a_notebook_pickles_by_value(recorded: Recorded) -> None:
    """As loky sends functions of `__main__`, which a worker cannot import."""
    scope: dict[str, object] = {"__name__": "__main__", "aims": aims}
    exec("@aims.training(mlflow=False)\ndef double(x):\n    return 2 * x\n", scope)
    copy = cloudpickle.loads(cloudpickle.dumps(scope["double"]))
    assert copy(4) == 8
    assert recorded("run")[0].body["name"] == "double"


def test_thread_starts_without_the_callers_run(recorded: Recorded, functions: ModuleType) -> None:
    with aims.run("outer"):
        joblib.Parallel(n_jobs=2, backend="threading")(
            joblib.delayed(functions.square)(x) for x in range(2)
        )
    parents = [e.body["parent"] for e in recorded("run")]
    assert parents == [None, None, None]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_knows_its_parent_run(recorded: Recorded, functions: ModuleType) -> None:
    with aims.run("outer") as outer:
        process = multiprocessing.get_context("fork").Process(target=functions.square, args=(3,))
        process.start()
        process.join()
    assert process.exitcode == 0
    inner, _ = recorded("run")
    assert inner.body["parent"] == outer.id


def test_run_of_another_process_refuses_a_check(
    recorded: Recorded, fails_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with aims.run("outer") as run:
        run.process += 1  # what a forked child sees
        with pytest.warns(aims.errors.CaptureWarning, match="another process"):
            run.check(y_true=[0, 1], y_pred=[0, 1])
    assert run.checks == []


def test_check_after_the_end_warns(recorded: Recorded, fails_open: None) -> None:
    with aims.run("over") as run:
        pass
    with pytest.warns(aims.errors.CaptureWarning, match="has ended"):
        run.check(y_true=[0, 1], y_pred=[0, 1])
    assert len(recorded("run")) == 1
