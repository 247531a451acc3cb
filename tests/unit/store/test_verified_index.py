"""The index that one machine makes of a log, shared by the processes that decide there."""

from __future__ import annotations

from pathlib import Path

import pytest

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.disk.verified_index import Entry, VerifiedIndex, Wanted, entry_of
from aims_mlops.store.opening import open_sql_store


class Log:
    """A real log of so many records, as entries, with its root at every size."""

    def __init__(self, folder: Path, size: int) -> None:
        store = open_sql_store(f"sqlite:///{folder / 'log.db'}")
        self.entries: list[Entry] = []
        self.roots: dict[int, bytes] = {}
        for number in range(size):
            record = store.append(
                Evidence(
                    kind="incident" if number % 2 else "approval",
                    subjects=(Subject.of_name("loans"),),
                    body={"number": number},
                    actor="ana",
                    claimed_at=now(),
                    system="loans",
                )
            )
            self.entries.append(entry_of(number, record.leaf, record.envelope))
            self.roots[number + 1] = bytes.fromhex(store.status().root)

    def read(self, start: int, end: int) -> list[Entry]:
        return self.entries[start:end]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Log(tmp_path, 6)


def test_entries_that_another_process_followed_meanwhile_are_not_missed(log: Log) -> None:
    index, other = VerifiedIndex("log", "here"), VerifiedIndex("log", "here")
    index.follow(2, log.roots[2], log.read)
    lacking = log.read(index.size, 6)  # read inside a transaction, and then …
    other.follow(4, log.roots[4], log.read)
    newer = index.after(6, log.roots[6], lacking, 3)
    assert [entry.sequence for entry in newer] == [3, 4, 5]
    assert index.size == 4  # nothing of what may be undone is kept


def test_entry_left_out_of_a_transaction_is_missed(log: Log) -> None:
    index = VerifiedIndex("log", "here")
    index.follow(2, log.roots[2], log.read)
    with pytest.raises(VerificationError, match="record 3 of the log is missing"):
        index.after(6, log.roots[6], [log.entries[2], *log.entries[4:]], 2)
    with pytest.raises(VerificationError, match="not those that its key signed"):
        index.after(6, log.roots[6], log.entries[2:5], 2)


def test_log_that_gives_another_root_leaves_nothing_in_the_index(log: Log) -> None:
    index = VerifiedIndex("log", "here")
    with pytest.raises(VerificationError, match="another root"):
        index.follow(4, log.roots[5], log.read)
    assert index.size == 0
    index.follow(4, log.roots[4], log.read)
    found = index.search(Wanted(kinds=["incident"], low=0, high=4))
    assert [sequence for sequence, _ in found] == [1, 3]
