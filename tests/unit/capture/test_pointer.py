"""The line that a run ends with: where its evidence is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.capture.pointer import VARIABLE
from aims_mlops.cli.main import main
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]


@aims.training(name="nightly")
def train(depth: int = 3) -> int:
    return depth


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed to stderr of runs; stdout has nothing of it."""
    said = capsys.readouterr()
    assert said.out == ""
    return [line for line in said.err.splitlines() if " record" in line]


def test_run_ends_with_one_line_whose_command_lists_its_records(
    project: Path, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train() == 3
    (line,) = lines(capsys)
    (run,) = recorded("run")
    many = len(recorded(run=run.run))
    assert line == (
        f"aims: training nightly recorded as {many} records; aims evidence list --run {run.run}"
    )
    with pytest.raises(SystemExit):
        main(["evidence", "list", "--run", str(run.run), "--json"])
    assert capsys.readouterr().out.count('"kind": ') == many


def test_run_that_failed_points_to_its_evidence_too(
    project: Path, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError), aims.run("late"):
        _ = 1 / 0
    (line,) = lines(capsys)
    assert line.endswith(f"--run {recorded('run')[0].run}")


def test_run_inside_another_one_prints_no_line_of_its_own(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with aims.run("search", activity="training"):
        for depth in range(3):
            train(depth)
    (line,) = lines(capsys)
    assert line.startswith("aims: training search recorded as ")


@pytest.mark.parametrize("variable", [VARIABLE, "AIMS_CAPTURE"])
def test_line_that_is_off_or_capture_that_is_off_prints_nothing(
    project: Path,
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, "off")
    train()
    assert lines(capsys) == []


def test_name_that_steers_a_terminal_stays_one_plain_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with aims.run("x\x1b[2J\nforged: line\u202e", activity="training"):
        pass
    (line,) = lines(capsys)
    assert line.startswith("aims: training x")
    assert "\x1b" not in line
    assert "\u202e" not in line


class Broken:
    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [None, Broken()], ids=["none", "broken pipe"])
def test_stderr_that_is_gone_costs_the_run_nothing(
    project: Path, recorded: Recorded, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    train()  # the log is made
    monkeypatch.setattr(sys, "stderr", stream)
    assert train() == 3
    assert len(recorded("run")) == 2
