"""pytest plugin for people who build on aims-mlops.

    # conftest.py
    pytest_plugins = ["aims_mlops.testing"]

Under pytest every error of capture is raised; `AIMS_CAPTURE_ERRORS=warn` tests the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Evidence
    from aims_mlops.evidence.store import EvidenceStore

__all__ = ["aims_evidence", "aims_plugin", "aims_store"]


@pytest.fixture
def aims_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EvidenceStore]:
    """A store of the test's own, in which capture and gate put their evidence.

    Nothing of the developer's settings, home or MLflow is used; an MLflow run that the test
    itself begins is.
    """
    from aims_mlops.inventory.project import forget_stores, open_store

    url = f"sqlite:///{(tmp_path / 'aims' / 'evidence.db').as_posix()}"
    monkeypatch.setenv("AIMS_STORE_URL", url)
    monkeypatch.setenv("AIMS_ACTOR", "tester@example.org")
    monkeypatch.setenv("AIMS_MLFLOW", "active")
    for name in ("AIMS_BLOBS", "AIMS_KEYS", "AIMS_SIGNER", "AIMS_CAPTURE"):
        monkeypatch.delenv(name, raising=False)
    yield open_store(url)
    forget_stores()


@pytest.fixture
def aims_evidence(aims_store: EvidenceStore) -> Callable[..., list[Evidence]]:
    """`aims_evidence('model')`: the evidence that the test has recorded, oldest first.

    Takes a kind, and `system`, `subject` and `run` as `EvidenceStore.find` does.
    """

    def find(
        kind: str | None = None,
        *,
        system: str | None = None,
        subject: str | None = None,
        run: str | None = None,
    ) -> list[Evidence]:
        found = aims_store.find(kind=kind, system=system, subject=subject, run=run)
        return [record.evidence for record in found]

    return find


@pytest.fixture
def aims_plugin() -> Iterator[Callable[[object], str]]:
    """`aims_plugin(plugin)` registers a plugin until the test ends and returns its name."""
    from aims_mlops.plugins import manager

    names: list[str] = []

    def register(plugin: object, name: str | None = None) -> str:
        found = manager().register(plugin, name)
        if found is None:
            raise ValueError(f"a plugin with this name is registered already: {name}")
        names.append(found)
        return found

    yield register
    for name in names:
        manager().unregister(name=name)
