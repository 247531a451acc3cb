"""One bit flipped at every byte of a small database: no silent change."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.records import Evidence
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify import verify_store

Make = Callable[..., Evidence]
TABLES = (
    "aims_blob_keys",
    "aims_head",
    "aims_log_keys",
    "aims_records",
    "aims_subjects",
    "aims_tiles",
    "aims_version",
)


def content_of(image: bytes) -> Any:
    """Every value in every table and what searches find, or the error of a damaged file."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(image)
        found: list[Any] = [
            connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES
        ]
        found.append(
            connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
            ).fetchall()
        )
        for table in TABLES:
            found.append(connection.execute(f"PRAGMA table_info({table})").fetchall())
            found.append(connection.execute(f"PRAGMA index_list({table})").fetchall())
        for (line,) in connection.execute("PRAGMA integrity_check"):
            if line != "ok":
                return "damaged"
        return found
    except (sqlite3.Error, UnicodeDecodeError):
        return "damaged"
    finally:
        connection.close()


@pytest.fixture
def small(tmp_path: Path, make_evidence: Make) -> Path:
    """Three records and an encrypted blob in pages of 512 bytes, the smallest there are."""
    path = tmp_path / "log" / "evidence.db"
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 512")
    connection.execute("VACUUM")
    connection.close()
    store = open_sql_store(f"sqlite:///{path}")
    reference = store.put_blob(b"personal", media_type="text/plain", personal=True)
    blob = {"sha256": reference.sha256, "size": 8, "media_type": "text/plain"}
    store.append_many([make_evidence(1), make_evidence(2), make_evidence(3, report=blob)])
    store.close()
    return path


@pytest.mark.slow
def test_flipped_bit_at_every_byte_is_no_silent_change(small: Path) -> None:
    image = small.read_bytes()
    original = content_of(image)
    assert original != "damaged"
    generator = random.Random(20261121)
    damaged: list[int] = []
    changed: list[tuple[int, int]] = []
    harmless: list[tuple[int, int]] = []
    for position in range(len(image)):
        bit = 1 << generator.randrange(8)
        flipped = bytearray(image)
        flipped[position] ^= bit
        found = content_of(bytes(flipped))
        if found == "damaged":
            damaged.append(position)
            # Verification asks the database the same questions; a sample shows that it hears.
            if len(damaged) % 40 == 0:
                changed.append((position, bit))
        elif found == original:
            harmless.append((position, bit))
        else:
            changed.append((position, bit))
    silent = [(position, bit) for position, bit in changed if verifies(small, image, position, bit)]
    print(
        f"{len(image)} bytes: {len(damaged)} flips make the file unreadable, {len(changed)} put to "
        f"verification, {len(harmless)} fall on unused bytes, {len(silent)} silent changes"
    )
    assert silent == []
    assert len(changed) > 2_000
    wrong = [f for f in harmless[::200] if not verifies(small, image, *f)]
    assert len(wrong) <= len(harmless[::200]) // 2  # unused for content, perhaps not for SQLite


def verifies(path: Path, image: bytes, position: int, bit: int) -> bool:
    flipped = bytearray(image)
    flipped[position] ^= bit
    # Written in place and not anew: that would sync a whole file for each of thousands of flips.
    with path.open("r+b") as file:
        file.write(flipped)
        file.truncate()
    journal = path.with_name(path.name + "-journal")
    journal.unlink(missing_ok=True)
    try:
        store = open_sql_store(f"sqlite:///{path}", create=False)
    except Exception:  # any refusal to open is a detection
        return False
    try:
        return verify_store(store, workers=1).ok
    finally:
        store.close()


def test_flipped_bit_in_a_blob_is_detected_on_read_and_by_verification(
    tmp_path: Path, make_evidence: Make
) -> None:
    store = open_sql_store(f"sqlite:///{tmp_path / 'log' / 'evidence.db'}")
    reference = store.put_blob(b"0123456789" * 20, media_type="text/plain")
    blob = {"sha256": reference.sha256, "size": 200, "media_type": "text/plain"}
    store.append(make_evidence(1, report=blob))
    path = tmp_path / "log" / "blobs" / reference.sha256[:2] / reference.sha256
    content = path.read_bytes()
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        assert not verify_store(store).ok
    path.write_bytes(content)
    assert verify_store(store).ok
    store.close()
    assert threading.active_count() == 1
    print(f"{len(content)} bytes of a blob flipped, all detected")
