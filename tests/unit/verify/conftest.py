"""A small log to make bundles of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.bundle.export import export_bundle
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_verify.findings import Findings
from aims_verify.verify import verify


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_sql_store(f"sqlite:///{tmp_path}/log/evidence.db")
    yield opened
    opened.close()


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """Makes evidence about one run."""

    def make(number: int, **options: Any) -> Evidence:
        return Evidence(
            **{
                "kind": "run",
                "subjects": (Subject.of_name(f"run:{number}"),),
                "body": {"number": number},
                "actor": "tester@example.org",
                "claimed_at": "2026-11-21T09:00:00.000000Z",
                **options,
            }
        )

    return make


@pytest.fixture
def verdict(store: SqlStore, tmp_path: Path) -> Callable[..., Findings]:
    """Exports the log as it is and verifies the bundle."""

    def make(*, kept: Any = None, keys: Any = (), cores: int = 1, **options: Any) -> Findings:
        path = export_bundle(store, tmp_path / "bundle.aims", **options).path
        return verify(path, kept=kept, keys=keys, cores=cores)

    return make
