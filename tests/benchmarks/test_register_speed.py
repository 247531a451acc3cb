"""10,000 entries: taken in as one batch, and folded beside reading the same records once."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from aims_mlops.documents.document import Document
from aims_mlops.evidence.store import signed
from aims_mlops.management.registers.change import Change
from aims_mlops.management.registers.enter import enter
from aims_mlops.management.registers.read import READ_KINDS, register_of
from aims_mlops.management.registers.spec import REGISTERS
from support.registers import EXAMPLES, Organisation

pytestmark = [pytest.mark.benchmark, pytest.mark.slow]

ENTRIES = int(os.environ.get("AIMS_BENCHMARK_ENTRIES", "10000"))
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
    print(f"\n{ENTRIES:,} entries: taken in {taken:.1f} s of processor", end="")
    print(f", read {min(reads):.2f} s, folded {min(folds):.2f} s (goal: at most as long)")
    assert min(folds) <= min(reads)
