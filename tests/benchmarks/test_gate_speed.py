"""A gate decision over the records of one model, beside reading the same rows without looking.

The bare side reads the rows with sqlite3, hashes each envelope and parses it with the standard
library: what anybody has to do before a record can count.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import forget_stores
from support.world import World

pytestmark = pytest.mark.benchmark

RECORDS = int(os.environ.get("AIMS_BENCHMARK_RECORDS", "1000"))
ROUNDS = 15
LIMIT = 3.0  # times of the bare reading


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The real project of the gate's own tests: assessed, approved, allowed."""
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("AIMS_PLUGINS", "")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    yield World(tmp_path / "project")
    forget_stores()


def shortest(work: Callable[[], object]) -> float:
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took)


def test_decision_over_a_thousand_records_costs_little_more_than_reading_them(
    world: Any, figures: Any
) -> None:
    model = world.ready()
    measured = [
        Evidence(
            kind="performance",
            subjects=(model.subject,),
            body={
                "figures": [
                    {"measure": "recall_score", "group": {"sex": str(j)}, "value": 0.8}
                    | {"low": 0.7, "high": 0.9, "n": 500, "numerator": 400, "denominator": 500}
                    for j in range(4)
                ],
                "batch": i,
            },
            actor="ana",
            claimed_at=now(),
            system="loans",
        )
        for i in range(RECORDS - sum(1 for _ in world.store.find()))
    ]
    world.store.append_many(measured)
    world.approve(model)
    file = next(Path(".aims").glob("*.db"))
    subject = Subject(model.subject.name, model.sha256).sha256

    def bare() -> None:
        with sqlite3.connect(file) as connection:
            rows = connection.execute(
                "SELECT r.* FROM aims_records r JOIN aims_subjects s USING (sequence) "
                "WHERE s.sha256 = ?",
                (subject,),
            ).fetchall()
        for row in rows:
            leaf, envelope = json.loads(row[-2]), row[-1]
            payload = base64.b64decode(json.loads(envelope)["payload"])
            assert hashlib.sha256(envelope).hexdigest() == leaf["envelope"]
            assert json.loads(payload)["predicate"]["body"] is not None
        connection.close()

    assert world.gate(model, record=False).allowed
    gc.collect()
    gc.freeze()  # what other benchmarks left in this process is not this one's to look through
    reading = shortest(bare)
    deciding = shortest(lambda: world.gate(model, record=False))
    gc.unfreeze()
    print(
        f"{RECORDS:,} records of one model: bare reading {reading * 1e3:.1f} ms, a decision "
        f"{deciding * 1e3:.1f} ms, ratio {deciding / reading:.2f}"
    )
    figures.at_most("gate: decision / bare reading, 1,000 records", deciding / reading, LIMIT)
