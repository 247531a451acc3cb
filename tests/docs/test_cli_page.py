"""docs/cli.md tells the fields that `--json` really prints, and every variable that is read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text()


def fields(heading: str) -> set[str]:
    """The first column of the table under a heading."""
    section = PAGE.split(f"### `{heading}`", 1)[1].split("\n### ", 1)[0]
    rows = re.findall(r"^\| (`[^|]*)\|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def aims(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "aims_mlops", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-m", "aims_mlops", "init", "--system", "loans"], check=True)
    Path("model.bin").write_bytes(b"weights")
    return tmp_path


def test_status_prints_the_fields_of_the_page(project: Path) -> None:
    assert set(aims("status")) == fields("aims status --json")


def test_gate_and_evidence_print_the_fields_of_the_page(project: Path) -> None:
    decision = aims("gate", "model.bin", "--for", "production")
    documented = fields("aims gate MODEL --for TARGET --json")
    assert documented
    assert documented <= set(decision)
    assert decision["verdict"] == "refused"
    listed = aims("evidence", "list")
    assert {record["kind"] for record in listed} == {"decision", "policy"}
    assert set(listed[0]) == fields("aims evidence list --json")
    shown = aims("evidence", "show", listed[0]["id"])
    assert set(shown) == set(listed[0]) | {"statement"}


def test_drift_prints_the_fields_of_the_page(project: Path) -> None:
    Path("a.csv").write_text("x\n" + "1\n2\n3\n" * 40)
    measured = aims("drift", "run", "--reference", "a.csv", "--current", "a.csv")
    assert set(measured) == fields("aims drift run --reference A --current B --json")
    assert measured["verdict"] == "no drift"


def test_every_variable_that_the_package_reads_is_on_the_page() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    read = set(re.findall(r'"(AIMS_[A-Z_]+)"', source))
    rows = re.findall(r"^\| (`AIMS_[^|]*)\|", PAGE, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"AIMS_\w+", row)}
    assert read == told
