"""Decorated functions in an IPython shell, which is what a notebook runs."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("IPython")

_SESSION = """
import hashlib, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
cell = "@aims.training(system='loans')\\ndef train(rate):\\n    return rate * 2\\n"
for source in ("import aims_mlops as aims", cell, "result = train(0.5)"):
    done = shell.run_cell(source, store_history=True)
    done.raise_error()
assert shell.user_ns["result"] == 1.0
failing = "@aims.training\\ndef fail():\\n    raise KeyError('patient')\\nfail()\\n"
assert isinstance(shell.run_cell(failing).error_in_exec, KeyError)

from aims_mlops.inventory.project import find_project

store = find_project().open_store()
runs = [record.evidence for record in store.find(kind="run")]
print([run.body["status"] for run in runs])
print(next(store.find(kind="code")).evidence.body["source_sha256"])
print(hashlib.sha256(cell.encode()).hexdigest())
"""


def test_cells_are_recorded_with_the_digest_of_their_source(tmp_path: Path) -> None:
    script = tmp_path / "session.py"
    script.write_text(_SESSION)
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "AIMS_MLFLOW": "off", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    statuses, recorded, expected = done.stdout.splitlines()[-3:]
    assert statuses == "['finished', 'failed']"
    assert recorded == expected
    assert len(expected) == hashlib.sha256().digest_size * 2
