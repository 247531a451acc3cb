"""A project with one system and its inference log, and what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.inference_log.recorder.recorders import forget_recorders
from aims_mlops.inventory.project import Project, find_project, forget_stores

SETTINGS = """
systems:
  - id: loans
    inference:
      folder: log
      allow: [income, colour]
      hash: [name]
      bucket: {age: [18, 65]}
      flush_seconds: 60
people:
  - {id: ana, name: Ana, also_known_as: [ana@example.org]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    (tmp_path / "aims.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    yield find_project()
    forget_recorders()
    forget_stores()


@pytest.fixture
def logged(project: Project) -> Callable[[], list[dict[str, Any]]]:
    """Rows of the log, in order of time, after everything queued is written."""

    def rows() -> list[dict[str, Any]]:
        import pandas as pd

        forget_recorders()
        table = pd.read_parquet(project.root / "log" / "system=loans")
        table = table.sort_values(["time", "request_id", "row"], kind="stable")
        return [
            {str(k): None if pd.isna(v) else v for k, v in row.items()}
            for row in table.to_dict("records")
        ]

    return rows


@pytest.fixture
def told(project: Project) -> Callable[..., list[dict[str, Any]]]:
    """Bodies of the evidence about the log, of one event."""

    def bodies(event: str = "written") -> list[dict[str, Any]]:
        forget_recorders()
        found = [dict(r.evidence.body) for r in project.open_store().find(kind="inference-log")]
        return [body for body in found if body["event"] == event]

    return bodies
