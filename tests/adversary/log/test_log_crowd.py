"""Many processes append at once: dense sequence, no duplicate, none lost."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aims_mlops.evidence.records import Evidence
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

PROCESSES = 32
APPENDS = 1_000
SINGLE = 100  # one by one; the others in groups of 50, as captured runs come

Make = Callable[..., Evidence]


@pytest.fixture
def fast_folder() -> Iterator[Path]:
    """In memory where there is such a place: what is tested here is order, not durability."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


def append_some(url: str, name: int, make: Make) -> None:
    store = open_sql_store(url)
    for i in range(SINGLE):
        store.append(make(f"{name}-{i}"), key=f"{name}-{i}")
    for start in range(SINGLE, APPENDS, 50):
        numbers = range(start, start + 50)
        store.append_many(
            [make(f"{name}-{i}") for i in numbers], keys=[f"{name}-{i}" for i in numbers]
        )
    store.close()


@pytest.mark.slow
def test_32_processes_append_1000_records_each(
    fast_folder: Path, make_evidence: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_LOCK_TIMEOUT", "120")  # SQLite serves whoever asks at the right time
    url = f"sqlite:///{fast_folder / 'evidence.db'}"
    context = multiprocessing.get_context("fork")
    # Nobody has made the store yet: all of them try, and one succeeds.
    crowd = [
        context.Process(target=append_some, args=(url, i, make_evidence)) for i in range(PROCESSES)
    ]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0] * PROCESSES
    store = open_sql_store(url)
    seen: dict[str, int] = {}
    expected = 0
    for record in store.find():
        assert record.sequence == expected
        assert record.key not in seen
        seen[record.key] = record.sequence
        expected += 1
    assert set(seen) == {f"{p}-{i}" for p in range(PROCESSES) for i in range(APPENDS)}
    for process in range(PROCESSES):
        own = [seen[f"{process}-{i}"] for i in range(APPENDS)]
        assert own == sorted(own)  # what one process said first comes first
    report = verify_store(store)
    assert report.ok, report.failures
    store.close()
    print(f"{PROCESSES} processes x {APPENDS} records: {expected} in order, 0 twice, 0 lost")
