"""One bit flipped at every byte of a small database: no silent change."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.records import Evidence
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

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
            # The index of a primary key has a name that nobody gave it and nothing uses.
            indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
            found.append([index for index in indexes if index[3] == "c"])
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


Counts = tuple[int, int, int, list[tuple[int, int]]]


def flip_all(path: Path, share: int, shares: int) -> Counts:
    """Flip a bit of every byte of this share; (unreadable, harmless, put to verification, silent).

    What cannot be read at all is detected by reading. What reads as before changed nothing. All
    else, and a sample of what cannot be read, is put to the verification of the store.
    """
    image = path.read_bytes()
    original = content_of(image)
    assert original != "damaged"
    bits = random.Random(20261121).choices(range(8), k=len(image))
    store = open_sql_store(f"sqlite:///{path}", create=False)
    unreadable = harmless = verified = 0
    silent: list[tuple[int, int]] = []
    for position in range(share, len(image), shares):
        flipped = bytearray(image)
        flipped[position] ^= 1 << bits[position]
        found = content_of(bytes(flipped))
        if found == original:
            harmless += 1
            continue
        if found == "damaged":
            unreadable += 1
            if unreadable % 20:
                continue
        # Written in place: syncing a new file for each of thousands of flips would take an hour.
        with path.open("r+b") as file:
            file.write(flipped)
            file.truncate()
        path.with_name(path.name + "-journal").unlink(missing_ok=True)
        verified += 1
        if verify_store(store, workers=1).ok:
            silent.append((position, bits[position]))
        store.close()
    return unreadable, harmless, verified, silent


@pytest.mark.slow
def test_flipped_bit_at_every_byte_is_no_silent_change(small: Path, tmp_path: Path) -> None:
    folders = [tmp_path / f"share{i}" for i in range(2)]
    for folder in folders:
        shutil.copytree(small.parent, folder)
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        parts = list(pool.map(flip_all, [f / "evidence.db" for f in folders], [0, 1], [2, 2]))
    unreadable, harmless, verified = (sum(part[i] for part in parts) for i in range(3))
    silent = [flip for part in parts for flip in part[3]]
    size = small.stat().st_size
    print(
        f"{size} bytes: {unreadable} flips make the file unreadable, {harmless} change nothing, "
        f"{verified} put to verification, {len(silent)} silent changes"
    )
    assert silent == []
    assert verified > 4_000


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
    print(f"{len(content)} bytes of a blob flipped, all detected")
