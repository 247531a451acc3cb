"""The verifier needs nothing of ours and nothing installed but `cryptography`."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import aims_verify
from aims_mlops.evidence.records import Evidence
from aims_mlops.store.bundle.export import export_bundle
from aims_mlops.store.log.sql import SqlStore

PACKAGE = Path(aims_verify.__file__).parent


def test_imports_are_the_standard_library_and_cryptography() -> None:
    allowed = {*sys.stdlib_module_names, "cryptography", "aims_verify"}
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                found.add(str(node.module).partition(".")[0])
    assert "cryptography" in found
    assert found - allowed == set()


@pytest.fixture
def bundle(store: SqlStore, evidence: Callable[..., Evidence], tmp_path: Path) -> Path:
    store.append_many([evidence(i) for i in range(3)])
    return export_bundle(store, tmp_path / "bundle.aims").path


@pytest.fixture
def alone(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command where only a copy of its own code can be imported, and no socket opened."""
    place = tmp_path / "alone"
    place.mkdir()
    for path in PACKAGE.glob("*.py"):
        target = place / "aims_verify" / path.name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    (place / "run.py").write_text(
        "import sys, socket\n"
        "class Barred:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        ours = 'cryptography', 'aims_verify', '_cffi_backend'\n"
        "        if name.partition('.')[0] not in {*sys.stdlib_module_names, *ours}:\n"
        "            raise ImportError('barred: ' + name)\n"
        "sys.meta_path.insert(0, Barred())\n"
        "def refuse(*args, **options): raise OSError('no network')\n"
        "socket.socket.connect = refuse\n"
        "from aims_verify.cli import main\n"
        "main()\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "run.py", *arguments],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_command_says_in_words_what_holds_and_ends_with_0(
    bundle: Path, alone: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = alone(str(bundle))
    assert (done.returncode, done.stderr) == (0, "")
    assert "HOLDS\n  - the file is whole" in done.stdout
    assert "COULD NOT BE CHECKED" in done.stdout
    assert done.stdout.endswith("Nothing that could be checked fails.\n")


def test_command_ends_with_1_if_something_fails_and_says_so_in_json(
    bundle: Path, alone: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    content = bundle.read_bytes()
    bundle.write_bytes(content.replace(b'"sequence":1', b'"sequence":2'))
    done = alone(str(bundle), "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["good"] is False
    assert any("SHA-256 is not the one in its trailer" in text for text in found["fails"])


def test_command_ends_with_2_if_a_file_cannot_be_read(
    bundle: Path, tmp_path: Path, alone: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    odd = tmp_path / "odd"
    odd.write_text("hello\n")
    for arguments in (
        (str(odd),),
        (str(tmp_path / "missing"),),
        (str(bundle), "--checkpoint", str(odd)),
        (str(bundle), "--key", "nonsense+key"),
        (str(bundle), "--key", str(odd)),
    ):
        done = alone(*arguments)
        assert done.returncode == 2, done.stdout
        assert done.stderr.startswith("aims-verify: ")
        assert "Traceback" not in done.stderr


def test_names_in_a_bundle_cannot_steer_the_terminal(
    store: SqlStore,
    evidence: Callable[..., Evidence],
    tmp_path: Path,
    alone: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    from aims_mlops.store.bundle.export import Scope

    store.append(evidence(0, system="\x1b[2Jgone\x07"))
    path = export_bundle(store, tmp_path / "odd.aims", scope=Scope(system="\x1b[2Jgone\x07")).path
    done = alone(str(path))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
