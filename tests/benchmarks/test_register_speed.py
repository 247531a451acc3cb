"""10,000 entries: taken in as one batch, and folded beside reading the same records once."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from aims_mlops.documents.document import Document
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.management.readiness.gaps import every_gap
from aims_mlops.management.readiness.picture import picture_of
from aims_mlops.management.readiness.readiness import judge
from aims_mlops.management.registers.change import Change
from aims_mlops.management.registers.enter import enter
from aims_mlops.management.registers.read import READ_KINDS, register_of
from aims_mlops.management.registers.spec import REGISTERS
from support.registers import EXAMPLES, Organisation

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]

ENTRIES = int(os.environ.get("AIMS_BENCHMARK_ENTRIES", "10000"))
RECORDS = int(os.environ.get("AIMS_BENCHMARK_RECORDS", "20000"))
ROUNDS = 5


def test_fold_of_all_registers_costs_less_than_reading_their_records(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    organisation = Organisation(tmp_path).set_up()
    names = list(REGISTERS)
    changes = []
    for i in range(ENTRIES):
        name = names[i % len(names)]
        source = Document("list.csv", {**EXAMPLES[name], "id": f"x-{i}"}, {(): i + 2}, "")
        changes.append(Change(REGISTERS[name], "add", source))
    started = time.process_time()
    records = enter(
        organisation.project,
        organisation.store,
        changes,
        actor="ana",
        now=datetime(2026, 12, 1, tzinfo=UTC),
    )
    taken = time.process_time() - started
    assert len(records) == ENTRIES
    reads, folds = [], []
    for _ in range(ROUNDS):
        started = time.process_time()
        known = list(signed(organisation.store).find(kind=READ_KINDS))
        reads.append(time.process_time() - started)
        started = time.process_time()
        entries = register_of(organisation.project, known).all()
        assert {entry.state for entry in entries} <= {"open", "draft"}
        folds.append(time.process_time() - started)
    assert len(entries) == ENTRIES
    _readiness(organisation)
    print(f"\n{ENTRIES:,} entries: taken in {taken:.1f} s of processor", end="")
    print(f", read {min(reads):.2f} s, folded {min(folds):.2f} s (goal: at most as long)")
    assert min(folds) <= min(reads)


def _readiness(organisation: Organisation) -> None:
    """`aims readiness` beside reading the same records once, with a log of evidence too."""
    kinds = ("run", "dataset", "data-quality", "performance", "environment")
    for start in range(0, RECORDS, 5_000):
        organisation.store.append_many(
            [
                Evidence(
                    kind=kinds[i % len(kinds)],
                    subjects=(Subject("data:x", f"{i:064x}"),),
                    body={"name": f"n{i}", "packages": {"numpy": "2.1"}, "figures": []},
                    actor="ana",
                    claimed_at="2026-12-01T09:00:00Z",
                    system="loans",
                    run=f"r{i}",
                )
                for i in range(start, start + 5_000)
            ]
        )
    reads, alls = [], []
    for _ in range(3):
        started = time.process_time()
        size = sum(1 for _ in signed(organisation.store).find())
        reads.append(time.process_time() - started)
        started = time.process_time()
        later = datetime(2100, 1, 1, tzinfo=UTC)
        found = picture_of(organisation.project, signed(organisation.store).find(), later)
        assert len(judge(found).rows) == 55
        assert every_gap(found)
        alls.append(time.process_time() - started)
    assert found.size == size >= ENTRIES + RECORDS
    ratio = min(alls) / min(reads)
    print(
        f"\nfigure: readiness over {size:,} records / reading them: {ratio:.2f} (goal: at most 2)"
    )
    assert ratio <= 4
