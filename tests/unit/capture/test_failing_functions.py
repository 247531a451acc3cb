"""An exception of the user's code is recorded by its class and goes up untouched."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable

import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]


class TrainingDivergedError(Exception):
    """An error of the user's own."""


def test_exception_is_the_same_object_and_the_run_failed(recorded: Recorded) -> None:
    error = TrainingDivergedError("loss of patient 4711 is inf")

    @aims.training
    def train() -> None:
        raise error

    with pytest.raises(TrainingDivergedError) as raised:
        train()
    assert raised.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    (run,) = recorded("run")
    assert run.body["status"] == "failed"
    assert run.body["error"] == "TrainingDivergedError"
    assert "4711" not in str(run.body)  # the message may hold data values


def test_traceback_ends_in_the_users_line(recorded: Recorded) -> None:
    @aims.training
    def train() -> None:
        raise TrainingDivergedError

    with pytest.raises(TrainingDivergedError) as raised:
        train()
    frames = traceback.extract_tb(raised.value.__traceback__)
    assert frames[-1].name == "train"
    assert frames[-1].line == "raise TrainingDivergedError"
    ours = [frame for frame in frames if "aims_mlops" in frame.filename]
    assert len(ours) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_interruption_is_a_failed_run(recorded: Recorded, error: type[BaseException]) -> None:
    @aims.training
    def train() -> None:
        raise error

    with pytest.raises(error):
        train()
    assert recorded("run")[0].body["error"] == error.__name__


def test_clean_exit_is_a_finished_run(recorded: Recorded) -> None:
    @aims.training
    def train() -> None:
        sys.exit(0)

    with pytest.raises(SystemExit):
        train()
    assert recorded("run")[0].body["status"] == "finished"


def test_failing_coroutine_is_a_failed_run(recorded: Recorded) -> None:
    @aims.training
    async def train() -> None:
        await asyncio.sleep(0)
        raise TrainingDivergedError

    with pytest.raises(TrainingDivergedError):
        asyncio.run(train())
    assert recorded("run")[0].body["status"] == "failed"


def test_failing_block_is_a_failed_run(recorded: Recorded) -> None:
    with pytest.raises(TrainingDivergedError), aims.run("block"):
        raise TrainingDivergedError
    assert recorded("run")[0].body["status"] == "failed"


def test_capture_error_never_hides_the_users(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even under pytest, where errors of capture are raised."""

    @aims.training
    def train() -> None:
        monkeypatch.setenv("AIMS_STORE_URL", "nowhere://store")
        raise TrainingDivergedError

    with pytest.raises(TrainingDivergedError), pytest.warns(aims.errors.CaptureWarning):
        train()
