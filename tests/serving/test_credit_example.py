"""The credit-like service of `examples/`, from training to monitored operation."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from aims_mlops.inventory.project import find_project, forget_stores

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_credit_service_runs_from_training_to_the_alarm(tmp_path: Path) -> None:
    folder = tmp_path / "credit"
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "credit_service.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "400 labels, 400 of known predictions" in done.stdout
    assert "400 rows answered, 400 written, 0 lost" in done.stdout
    assert re.search(r"alarm: persistent-drift: .*income", done.stdout)
    logged = pd.read_parquet(folder / "inference-log" / "system=credit")
    assert len(logged) == logged["request_id"].nunique() == 400
    assert logged["applicant"].str.fullmatch("[0-9a-f]{32}").all()
    assert set(logged["version"]) == {"credit/1"}
    assert not logged["age"].str.fullmatch(r"\d+").any()
    project = find_project(folder)
    kinds = Counter(record.evidence.kind for record in project.open_store().find())
    forget_stores()
    for kind in ("approval", "promotion", "deployment", "override", "nonconformity"):
        assert kinds[kind] == 1, kind
    assert kinds["gap"] == 0
