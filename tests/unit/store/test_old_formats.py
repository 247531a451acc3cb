"""A log of every released format stays readable and verifiable; its fixture is kept forever."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.database.tables import FORMAT
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

FIXTURES = Path(__file__).parent / "fixtures"


def test_this_format_has_a_fixture() -> None:
    assert (FIXTURES / f"format-{FORMAT}" / "evidence.db").is_file()


@pytest.mark.parametrize("folder", sorted(p.name for p in FIXTURES.iterdir()))
def test_log_of_this_format_is_read_and_verified(folder: str, tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / folder, tmp_path / "log")
    store = open_sql_store(f"sqlite:///{tmp_path / 'log' / 'evidence.db'}")
    trusted = VerifierKey.parse((tmp_path / "log" / "key.txt").read_text())
    kept = (tmp_path / "log" / "checkpoint.txt").read_text()
    report = verify_store(store, trusted=[trusted], kept=[kept])
    assert report.ok, report.failures
    assert report.blobs == 1
    found = list(store.find())
    assert [r.key for r in found if r.evidence.kind != "key-rotation"] == [
        f"fixture/{i}" for i in range(1, 5)
    ]
    assert found[2].evidence.unknown == {"x-later": {"kept": True}}
    assert found[4].evidence.version == 2  # a version without a schema, as it came
    store.close()


def test_tables_are_those_that_the_migrations_make(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from aims_mlops.store.database.tables import metadata

    store = open_sql_store(f"sqlite:///{tmp_path / 'evidence.db'}")
    with store.database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "aims_version"})
        assert compare_metadata(context, metadata) == []
    store.close()
