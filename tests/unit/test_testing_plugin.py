"""The pytest plugin, in a pytest of its own, as those use it who build on us."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_CONFTEST = 'pytest_plugins = ["aims_mlops.testing"]\n'
_TESTS = """
from pathlib import Path

import pytest

import aims_mlops as aims
from aims_mlops.capture.state.statement import statement
from aims_mlops.plugins import hookimpl, manager


@aims.training(system="loans")
def train(rate):
    return rate


class Meter:
    @hookimpl
    def collect_run_evidence(self, run):
        return [statement(run, "carbon", {"grams": 3})]


class Broken:
    @hookimpl
    def collect_run_evidence(self, run):
        raise RuntimeError("broken")


def test_evidence_is_the_tests_own(aims_evidence, aims_plugin):
    aims_plugin(Meter())
    train(0.5)
    assert aims_evidence("carbon")[0].body == {"grams": 3}
    assert aims_evidence("parameters", system="loans")[0].body["parameters"] == {"rate": 0.5}


def test_nothing_is_left_of_the_test_before(aims_evidence):
    assert aims_evidence() == []
    train(0.5)
    assert "carbon" not in [item.kind for item in aims_evidence()]


def test_broken_plugin_is_found(aims_store, aims_plugin):
    aims_plugin(Broken(), "broken")
    with pytest.raises(RuntimeError, match="broken"):
        train(0.5)


def test_same_name_twice_is_refused(aims_plugin):
    aims_plugin(Meter(), "meter")
    with pytest.raises(ValueError):
        aims_plugin(Meter(), "meter")
"""


def test_fixtures_isolate_the_tests_of_others(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_theirs.py").write_text(_TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / ".aims").exists()
