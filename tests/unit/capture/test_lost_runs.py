"""A process that dies inside the user's code leaves a run that says so."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project
from aims_mlops.store.disk.spool import pending, spool_folders
from aims_mlops.store.disk.start_marker import adopt_orphans

Recorded = Callable[..., list[Evidence]]

TRAIN = """
import os, sys, time
import aims_mlops as aims

@aims.training(system="loans", quality=False, mlflow=False, name="nightly", tags={{"team": "risk"}})
def train(rate=0.1, password="hunter2-secret"):
    print("begun", flush=True)
    {body}

train()
"""


Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """Starts a training whose body is given and waits until that runs."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    with contextlib.ExitStack() as started:

        def begin(body: str) -> subprocess.Popen[str]:
            process = started.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", TRAIN.format(body=body)],
                    cwd=project,
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            started.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            return process

        yield begin


def aims_command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aims_mlops", *words], capture_output=True, text=True, check=False
    )


def markers(folder: Path) -> list[Path]:
    return [path for spool in spool_folders(folder) for path in spool.glob("*.begun")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_training_is_a_lost_run(
    project: Path, start: Start, recorded: Recorded, number: int
) -> None:
    process = start("time.sleep(600)")
    assert len(markers(project)) == 1  # on disk before the user's code begins
    process.send_signal(number)
    process.wait()
    assert recorded("run") == []
    shown = aims_command("status")
    assert shown.returncode == 0, shown.stdout
    (run,) = recorded("run")
    assert run.body["status"] == "lost"
    assert run.body["name"] == "nightly"
    assert run.body["ended_at"] is None
    assert run.body["tags"] == {"team": "risk"}
    assert run.system == "loans"
    assert run.version == 2
    (parameters,) = recorded("parameters")
    assert parameters.body["parameters"]["rate"] == 0.1
    assert "hunter2" not in str(parameters.body)
    (gap,) = recorded("gap")
    assert gap.body["where"] == "end of the run"
    assert "end of the run" in shown.stdout
    assert markers(project) == []
    assert pending(project) == []


def test_run_that_ends_the_process_itself_is_lost(
    project: Path, start: Start, recorded: Recorded
) -> None:
    assert start("os._exit(0)").wait() == 0
    assert aims_command("evidence", "list").returncode == 0
    assert [run.body["status"] for run in recorded("run")] == ["lost"]


def test_next_run_records_what_the_last_one_lost(
    project: Path, start: Start, recorded: Recorded
) -> None:
    start("os._exit(1)").wait()
    with aims.run("next"):
        pass
    assert sorted(run.body["status"] for run in recorded("run")) == ["finished", "lost"]


def test_run_that_goes_on_is_not_lost(project: Path, start: Start, recorded: Recorded) -> None:
    process = start("time.sleep(600)")
    assert adopt_orphans(project) == []
    with aims.run("another"):
        assert aims_command("status").returncode == 0
    assert [run.body["name"] for run in recorded("run")] == ["another"]
    assert len(markers(project)) == 1
    process.kill()


def test_children_that_outlive_a_killed_training_do_not_hide_it(
    project: Path, start: Start
) -> None:
    """A worker forked inside the run holds nothing of it."""
    body = """
    child = os.fork()
    if child == 0:
        os.close(1); os.close(2)
        time.sleep(600)
    print(child, flush=True)
    time.sleep(600)
"""
    process = start(body.strip().replace("\n    ", "\n    "))
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        process.kill()
        process.wait()
        assert len(adopt_orphans(project)) == 1
    finally:
        os.kill(child, signal.SIGKILL)


def test_every_ended_run_leaves_no_marker(project: Path, recorded: Recorded) -> None:
    @aims.training
    def fails() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fails()
    with aims.run("outer"), aims.run("inner"):
        assert len(markers(project)) == 2
    assert markers(project) == []
    assert sorted(run.body["status"] for run in recorded("run")) == [
        "failed",
        "finished",
        "finished",
    ]


def test_run_stored_just_before_its_process_died_is_not_lost(
    project: Path, recorded: Recorded
) -> None:
    with aims.run("job"):
        (marker,) = markers(project)
        content = marker.read_bytes()
    marker.write_bytes(content)  # died before its removal
    assert aims_command("push").returncode == 0
    assert [run.body["status"] for run in recorded("run")] == ["finished"]
    assert pending(project) == []
    assert markers(project) == []


def test_two_that_look_at_once_record_a_lost_run_once(
    project: Path, start: Start, recorded: Recorded
) -> None:
    start("os._exit(1)").wait()
    look = [sys.executable, "-m", "aims_mlops", "status"]
    lookers = [subprocess.Popen(look, cwd=project, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [looker.wait() for looker in lookers] == [0, 0]
    assert aims_command("push").returncode == 0
    assert [run.body["status"] for run in recorded("run")] == ["lost"]


def test_start_that_cannot_be_written_is_a_gap_and_the_run_goes_on(
    project: Path, fails_open: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "state").write_text("a file where a folder should be")
    find_project().open_store()
    (project / ".aims" / "spool").write_text("likewise")
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "state"))
    with pytest.warns(aims.errors.CaptureWarning, match="start of the run"), aims.run("job"):
        pass
    kinds = [r.evidence.kind for r in find_project().open_store().find()]
    assert "run" in kinds
    assert "gap" in kinds
