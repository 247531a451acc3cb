"""What another operating system lacks, taken away: macOS has no affinity, Windows no fork."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aims_mlops
from aims_mlops.processes import around_fork, usable_processors

SOURCE = Path(aims_mlops.__file__).parent
GUARDED = {"sched_getaffinity", "register_at_fork", "fork"}

WITHOUT = """
import os
for name in ("sched_getaffinity", "register_at_fork", "fork"):
    delattr(os, name)
import aims_mlops as aims

@aims.training(system="loans", mlflow=False)
def train(rate):
    return rate

for i in range(3):
    train(i)
from aims_mlops.inventory.project import find_project
from aims_mlops.store.verify.verify import verify_store
store = find_project().open_store()
report = verify_store(store)
assert report.ok, report
import aims_mlops.inference_log.recorder.recorder, aims_mlops.monitoring.workers
from aims_mlops.measures.threads import threads
print("healthy", store.status().size > 3, threads() >= 1)
"""


def test_machine_without_affinity_and_fork_captures_and_verifies(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["healthy True True"], done.stderr


def test_processors_are_counted_where_the_system_does_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_processors() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_processors() == 1


def test_system_without_forks_calls_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "register_at_fork")
    around_fork(before=lambda: pytest.fail("there is no fork"))


def test_functions_that_a_system_may_lack_are_asked_for_in_one_place() -> None:
    users = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in GUARDED
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
            ):
                users.add(path.relative_to(SOURCE).as_posix())
    assert users == set()  # processes.py asks by getattr
