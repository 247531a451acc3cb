"""The administrator of the database deletes, swaps, inserts and retypes rows."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import StoreError, VerificationError
from aims_mlops.evidence.records import Evidence
from aims_mlops.store.administration.erasure import place_hold
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

TABLES = ("aims_records", "aims_subjects", "aims_log_keys", "aims_head")
Make = Callable[..., Evidence]
Rows = list[dict[str, Any]]
Change = Callable[[Rows], Rows]


@pytest.fixture
def full(store: SqlStore, make_evidence: Make) -> SqlStore:
    """A small log with a rotation and a hold."""
    store.append_many([make_evidence(i) for i in range(5)])
    rotate_key(store, actor="keeper@example.org")
    place_hold(store, ["0" * 64], actor="keeper@example.org", reason="case")
    store.append_many([make_evidence(f"late {i}") for i in range(2)])
    assert verify_store(store).ok
    return store


@pytest.fixture
def tiled(store: SqlStore, make_evidence: Make) -> SqlStore:
    """A log whose tree has stored tiles."""
    store.append_many([make_evidence(i) for i in range(520)])
    assert verify_store(store).ok
    return store


def rows_of(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def write(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    connection.execute(f"DELETE FROM {table}")
    for row in rows:
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


def attack(administrator: Any, store: SqlStore, table: str, change: Change) -> bool | None:
    """Apply a change to a table's rows, verify, and put everything back.

    Whether verification failed; None if the database itself refused the rows.
    """
    store.close()
    saved = administrator.path.read_bytes()
    refused = False
    try:
        with administrator.inside() as connection:
            changed = change(rows_of(connection, table))
            connection.execute("BEGIN")
            try:
                write(connection, table, changed)
                connection.execute("COMMIT")
            except sqlite3.Error:
                connection.execute("ROLLBACK")
                refused = True
        return None if refused else not verify_store(store).ok
    finally:
        store.close()
        administrator.path.write_bytes(saved)


def without(index: int) -> Change:
    return lambda rows: rows[:index] + rows[index + 1 :]


def with_new(**values: Any) -> Change:
    return lambda rows: [*rows, {**rows[-1], **values}]


def with_swap(left: int, right: int, columns: Sequence[str]) -> Change:
    def change(rows: Rows) -> Rows:
        one, two = rows[left], rows[right]
        for column in columns:
            one[column], two[column] = two[column], one[column]
        return rows

    return change


def with_value(column: str, value: Any) -> Change:
    return lambda rows: [{**rows[0], column: value}, *rows[1:]]


def read(administrator: Any, table: str) -> Rows:
    with administrator.inside() as connection:
        return rows_of(connection, table)


@pytest.mark.parametrize("table", TABLES)
def test_every_deleted_row_is_detected(full: SqlStore, administrator: Any, table: str) -> None:
    rows = read(administrator, table)
    for index in range(len(rows)):
        assert attack(administrator, full, table, without(index))
    print(f"{table}: {len(rows)} rows deleted one by one, all detected")


def test_deleted_swapped_and_changed_tiles_are_detected(
    tiled: SqlStore, administrator: Any
) -> None:
    for change in (
        without(0),
        without(1),
        with_swap(0, 1, ["hashes"]),
        with_value("hashes", bytes(8192)),
        with_value("hashes", b""),
        with_value("hashes", "text"),
        with_value("position", 5),
        with_value("level", 8),
        with_new(position=2),
        with_new(level=8, position=0),
        with_new(level=3, position=0),
    ):
        assert attack(administrator, tiled, "aims_tiles", change)


def test_swapped_rows_are_detected(full: SqlStore, administrator: Any) -> None:
    """Two rows exchange everything but their place, or a single column."""
    count = same = 0
    for table, place in (
        ("aims_records", "sequence"),
        ("aims_subjects", "sequence"),
        ("aims_log_keys", "valid_from"),
    ):
        rows = read(administrator, table)
        names = [name for name in rows[0] if name != place]
        for left, right in ((0, 1), (0, -1), (-2, -1)):
            for columns in (names, *([name] for name in names)):
                if all(rows[left][c] == rows[right][c] for c in columns):
                    same += 1
                    continue
                change = with_swap(left, right, columns)
                assert attack(administrator, full, table, change), (table, columns)
                count += 1
    print(f"{count} swaps detected; {same} more would have changed nothing")
    assert count > 20


def test_inserted_rows_are_detected(full: SqlStore, administrator: Any) -> None:
    cases = [
        ("aims_records", {"sequence": 9, "id": "0" * 64, "key": "forged"}),
        ("aims_records", {"sequence": -1, "id": "0" * 64, "key": "forged"}),
        ("aims_records", {"sequence": 10**12, "id": "0" * 64, "key": "forged"}),
        ("aims_subjects", {"sequence": 9}),
        ("aims_subjects", {"sequence": -5}),
        ("aims_subjects", {"sequence": 3}),
        ("aims_subjects", {"sequence": 3, "sha256": "f" * 64}),
        ("aims_log_keys", {"valid_from": 9}),
        ("aims_log_keys", {"valid_from": 3}),
        ("aims_log_keys", {"valid_from": -1}),
        ("aims_log_keys", {"valid_from": 5000}),
        ("aims_head", {"id": 2}),
    ]
    for table, values in cases:
        assert attack(administrator, full, table, with_new(**values)), (table, values)
    print(f"{len(cases)} rows inserted, all detected")


RETYPES: tuple[Callable[[Any], Any], ...] = (
    lambda v: v.encode() if isinstance(v, str) else str(v).encode(),
    lambda v: v.decode("latin-1") if isinstance(v, bytes) else f"{v} ",
    lambda v: 0.5,
    lambda v: None,
    lambda v: b"",
    lambda v: v + 1 if isinstance(v, int) else v + v,
    lambda v: v.upper() if isinstance(v, str) else 7,
)


def test_retyped_values_are_detected(full: SqlStore, administrator: Any) -> None:
    """Every column of every table: as bytes, text, another number, null, empty, doubled."""
    detected = refused = same = 0
    for table in TABLES:
        row = read(administrator, table)[0]
        for name, value in row.items():
            for retype in RETYPES:
                new = retype(value)
                if new == value and type(new) is type(value):
                    same += 1
                    continue
                found = attack(administrator, full, table, with_value(name, new))
                if found is None:
                    refused += 1
                elif not found:
                    # SQLite stores '0 ' in a column of numbers as 0, and no id of the only row as
                    # 1: nothing was changed.
                    stored = 1 if (name, new) == ("id", None) else str(new).strip()
                    assert str(stored) == str(value), (table, name, new)
                    same += 1
                else:
                    detected += 1
    print(f"{detected} detected, {refused} refused by the database, {same} changed nothing")
    assert detected > 80


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE aims_version SET version_num = '0002'",
        "DELETE FROM aims_version",
        "CREATE TRIGGER extra AFTER INSERT ON aims_records BEGIN SELECT 1; END",
        "DROP INDEX aims_records_kind",
        "DROP INDEX aims_records_id",
        "CREATE INDEX more ON aims_records (received_at)",
        "ALTER TABLE aims_records ADD COLUMN hidden TEXT",
        "ALTER TABLE aims_records RENAME COLUMN key TO clef",
        "DROP TABLE aims_subjects",
        "DROP TABLE aims_tiles",
    ],
)
def test_changed_schema_is_detected(full: SqlStore, administrator: Any, statement: str) -> None:
    full.close()
    with administrator.inside() as connection:
        connection.execute(statement)
        if (
            "TABLE aims_subjects" in statement
            or "TABLE aims_tiles" in statement
            or "RENAME" in statement
        ):
            connection.execute("CREATE TABLE IF NOT EXISTS aims_subjects (sequence, sha256)")
            connection.execute("CREATE TABLE IF NOT EXISTS aims_tiles (level, position, hashes)")
            if "RENAME" in statement:
                connection.execute("ALTER TABLE aims_records RENAME COLUMN clef TO key")
                connection.execute("ALTER TABLE aims_records RENAME COLUMN run TO walk")
                connection.execute("ALTER TABLE aims_records ADD COLUMN run TEXT")
    assert not verify_store(full).ok


def test_dropped_triggers_are_detected(full: SqlStore, administrator: Any) -> None:
    with sqlite3.connect(administrator.path) as connection:
        connection.execute("DROP TRIGGER aims_records_no_update")
    connection.close()
    assert any("triggers" in failure for failure in verify_store(full).failures)


def test_record_that_was_changed_is_not_returned(full: SqlStore, administrator: Any) -> None:
    record = full.get(next(full.find(since=3)).id)
    with administrator.inside() as connection:
        other = connection.execute(
            "SELECT envelope FROM aims_records WHERE sequence = 4"
        ).fetchone()[0]
        connection.execute("UPDATE aims_records SET envelope = ? WHERE sequence = 3", [other])
    with pytest.raises(VerificationError):
        full.get(record.id)
    with pytest.raises(VerificationError):
        list(full.find())


def test_index_that_lies_about_a_kind_does_not_pass_one_record_for_another(
    full: SqlStore, administrator: Any
) -> None:
    with administrator.inside() as connection:
        connection.execute("UPDATE aims_records SET kind = 'approval' WHERE sequence = 3")
    with pytest.raises(VerificationError):
        list(full.find(kind="approval"))


# ---- the end cut off, an old copy, another history


def cut(administrator: Any, kept: SqlStore, copy: Path) -> None:
    """Put an older copy of the database in the place of the newer one."""
    kept.close()
    shutil.copy(copy, administrator.path)


def test_old_backup_is_detected_by_a_checkpoint_and_refused_by_the_writer(
    store: SqlStore, administrator: Any, tmp_path: Path, make_evidence: Make
) -> None:
    store.append_many([make_evidence(i) for i in range(300)])
    store.close()
    shutil.copy(administrator.path, tmp_path / "old.db")
    store.append_many([make_evidence(f"new {i}") for i in range(100)])
    checkpoint = store.status().checkpoint or ""
    verified = verify_store(store).verified
    cut(administrator, store, tmp_path / "old.db")
    assert any("cut off, or an older copy" in f for f in verify_store(store).failures)
    seen = administrator.path.parent / "keys" / "log.seen"
    seen.rename(tmp_path / "log.seen")
    other = open_sql_store(f"sqlite:///{administrator.path}")
    alone = verify_store(other)
    other.close()
    assert alone.ok  # elsewhere an old state is a good state, and the report says so
    assert any("unanchored" in point for point in alone.open_points)
    (tmp_path / "log.seen").rename(seen)
    assert any(
        "cut off or an older copy" in f for f in verify_store(store, kept=[checkpoint]).failures
    )
    assert any(
        "cut off or an older copy" in f for f in verify_store(store, since=verified).failures
    )
    with pytest.raises(StoreError, match="not the one that was signed here before"):
        store.append(make_evidence("after"))


def test_old_backup_that_went_on_differently_is_detected(
    store: SqlStore, administrator: Any, tmp_path: Path, make_evidence: Make
) -> None:
    store.append_many([make_evidence(i) for i in range(300)])
    store.close()
    shutil.copy(administrator.path, tmp_path / "old.db")
    store.append_many([make_evidence(f"new {i}") for i in range(100)])
    checkpoint = store.status().checkpoint or ""
    cut(administrator, store, tmp_path / "old.db")
    (administrator.path.parent / "keys" / "log.seen").unlink()  # whoever has the key can do this
    forked = open_sql_store(f"sqlite:///{administrator.path}")
    forked.append_many([make_evidence(f"forged {i}") for i in range(200)])
    assert verify_store(forked).ok
    report = verify_store(forked, kept=[checkpoint])
    assert any("rewritten" in failure for failure in report.failures)
    forked.close()


def test_tail_cut_off_by_hand_is_detected(
    store: SqlStore, administrator: Any, make_evidence: Make
) -> None:
    store.append_many([make_evidence(i) for i in range(10)])
    with administrator.inside() as connection:
        connection.execute("DELETE FROM aims_records WHERE sequence >= 8")
        connection.execute("DELETE FROM aims_subjects WHERE sequence >= 8")
    assert not verify_store(store).ok
    with administrator.inside() as connection:
        connection.execute("UPDATE aims_head SET size = 8")
    assert not verify_store(store).ok
    with pytest.raises(StoreError):
        store.append(make_evidence("after"))


def test_log_of_another_store_is_detected_by_the_key_that_was_handed_over(
    store: SqlStore, administrator: Any, tmp_path: Path, make_evidence: Make
) -> None:
    store.append(make_evidence(1))
    trusted = store.verifier_keys()
    checkpoint = store.status().checkpoint or ""
    forged = open_sql_store(f"sqlite:///{tmp_path / 'forged' / 'evidence.db'}")
    forged.append(make_evidence(2))
    assert verify_store(forged).ok
    assert not verify_store(forged, trusted=trusted).ok
    assert not verify_store(forged, kept=[checkpoint]).ok
    forged.close()
