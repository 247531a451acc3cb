"""A project of its own for every test, and what capture has recorded in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project, forget_stores


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder without aims.yaml, made the working folder; capture keeps away from MLflow."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AIMS_MLFLOW", "off")
    yield folder
    forget_stores()


@pytest.fixture
def recorded(project: Path) -> Callable[..., list[Evidence]]:
    """The evidence in the project's store, oldest first, of one kind if named."""

    def find(kind: str | None = None, **filters: Any) -> list[Evidence]:
        store = find_project().open_store()
        return [record.evidence for record in store.find(kind=kind, **filters)]

    return find


@pytest.fixture
def fails_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of capture become gaps and warnings, as they do outside of pytest."""
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")
