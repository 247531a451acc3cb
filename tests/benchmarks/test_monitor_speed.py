"""A scheduled drift run beside reading its file, and many systems beside the sum of their parts.

AIMS_BENCHMARK_ROWS sets the rows of a file (stated for 1,000,000 x 30), AIMS_BENCHMARK_SYSTEMS the
systems (stated for 100). Reading is what a user would do, pandas.read_parquet; a part is measured
in this process by one thread, half of the parts before the round and half after it. The files of
all systems are one file, linked.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import Project, find_project, forget_stores
from aims_mlops.measures.drift.reference import build_reference_profile
from aims_mlops.measures.threads import VARIABLE
from aims_mlops.monitoring.cycle import run_cycle
from aims_mlops.monitoring.reference import record_profile
from aims_mlops.monitoring.runner import due
from aims_mlops.monitoring.window import Task, measure_window
from aims_mlops.monitoring.window_files import files_of
from aims_mlops.operations.alarms.monitoring import Schedule, alarms
from aims_mlops.operations.schedule.due_runs import Scheduled
from aims_mlops.operations.schedule.steps import begin_schedules

pytestmark = pytest.mark.benchmark

ROWS = int(os.environ.get("AIMS_BENCHMARK_ROWS", "1000000"))
SYSTEMS = int(os.environ.get("AIMS_BENCHMARK_SYSTEMS", "12"))
COLUMNS = 30
ROUNDS = 5
READING = 3.0  # times of reading that a drift run may take
# Times of the sum of measure times, divided by the processors: as promised for 100 systems; fewer
# are measured before the processes that do it have paid for their start.
SHARING = 1.2 if SYSTEMS >= 100 else 1.7


def frame(rows: int, seed: int) -> pa.Table:
    """20 numbers and 10 labels, 2 % of values missing, as a feature table has them."""
    chance = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {}
    for i in range(COLUMNS):
        gone = chance.random(rows) < 0.02
        if i < 20:
            values = chance.normal(0, 1 + i, rows)
            columns[f"c{i}"] = pa.array(values.round(2) if i % 4 == 2 else values, mask=gone)
        else:
            labels = pa.array([f"label {j}" for j in range(3 + 5 * (i - 20))])
            taken = pa.array(chance.integers(0, len(labels), rows), mask=gone)
            columns[f"c{i}"] = labels.take(taken)
    return pa.table(columns)


def project_of(folder: Path, systems: int, rows: int) -> Project:
    """Systems that all have yesterday's file to be measured, each its own."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    reference = frame(rows, 0)
    monitor = "{id: daily, plots: never, data: 'DATA', reference: 'latest'}"
    said = []
    for i in range(systems):
        (folder / f"s{i}").mkdir()
        name = folder / f"s{i}" / f"{today - timedelta(days=1):%Y-%m-%d}.parquet"
        if i == 0:
            pq.write_table(frame(rows, 1), name)
            first = name
        else:
            name.hardlink_to(first)
        said.append(
            f"  - {{id: s{i}, monitoring: [{monitor.replace('DATA', f's{i}/{{day}}.parquet')}]}}"
        )
    (folder / "aims.yaml").write_text("version: 1\nsystems:\n" + "\n".join(said) + "\n")
    project = find_project(folder)
    store = project.open_store()
    profile = build_reference_profile(reference, variant="compact", name="reference")
    for i in range(systems):

        def made(kind: str, subjects: tuple[Subject, ...], body: object, i: int = i) -> Evidence:
            return Evidence(
                kind=kind,
                subjects=subjects,
                body=body,  # type: ignore[arg-type]
                actor="benchmark",
                claimed_at=stamp(today),
                system=f"s{i}",
            )

        record_profile(store, profile, made=made, system=f"s{i}", model=None, dataset=None)
        place = {"event": "deployed", "target": "pilot", "where": "x", "model": "a" * 64}
        store.append(made("deployment", (Subject("model:m", "a" * 64),), place))
    return project


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def tomorrow() -> datetime:
    """As if it were tomorrow: what is deployed today has a window that is over."""
    return datetime.now(UTC) + timedelta(days=1)


def test_drift_run_takes_at_most_three_times_the_reading(tmp_path: Path, figures: Any) -> None:
    project = project_of(tmp_path, 1, ROWS)
    moment = tomorrow()
    start = (moment - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    file = next((tmp_path / "s0").glob("*.parquet"))
    file.rename(file.with_name(f"{start:%Y-%m-%d}.parquet"))
    store = project.open_store()
    reading, running = [], []
    for i in range(ROUNDS):
        path = tmp_path / "s0" / f"{start:%Y-%m-%d}.parquet"
        reading.append(timed(lambda path=path: pd.read_parquet(path)))  # type: ignore[misc]
        began = time.perf_counter()
        done = run_cycle(project, alarms, now=moment + timedelta(days=i))
        running.append(time.perf_counter() - began)
        (run,) = done.runs
        assert run.outcome == "measured"
        path.rename(path.with_name(f"{start + timedelta(days=1):%Y-%m-%d}.parquet"))
        start += timedelta(days=1)
    forget_stores()
    ratio = statistics.median(running) / statistics.median(reading)
    print(
        f"{ROWS:,} x {COLUMNS}: reading {statistics.median(reading):.3f} s, a whole drift run "
        f"{statistics.median(running):.3f} s, ratio {ratio:.2f}, asked {READING}"
    )
    assert store is not None
    figures.at_most("monitor: drift run / pandas reading the file", ratio, READING)


@contextmanager
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a measure takes of one processor."""
    before = pa.cpu_count(), pa.io_thread_count()
    with monkeypatch.context() as patch:
        patch.setenv(VARIABLE, "1")
        pa.set_cpu_count(1)
        pa.set_io_thread_count(1)
        yield
        pa.set_cpu_count(before[0])
        pa.set_io_thread_count(before[1])


def test_systems_due_at_once_share_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: Any
) -> None:
    rows = ROWS
    project = project_of(tmp_path, SYSTEMS, rows)
    moment = tomorrow()
    start = (moment - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    for file in tmp_path.glob("s*/*.parquet"):
        file.rename(file.with_name(f"{start:%Y-%m-%d}.parquet"))
    store = project.open_store()
    begin_schedules(store, project, start)
    wanted = due(store, project, moment)
    assert len(wanted) == SYSTEMS
    profile = build_reference_profile(frame(rows, 0), variant="compact", name="reference")
    raw = (profile.to_body(), profile.blob)
    parts = []

    def measured_alone(some: Sequence[tuple[Schedule, Scheduled]]) -> None:
        for schedule, run in some:
            files = files_of(f"{schedule.system.id}/{{day}}.parquet", tmp_path, run.start, run.end)
            task = Task(run=run, monitor=schedule.monitor, root=tmp_path, files=files, profile=raw)
            parts.append(timed(lambda task=task: measure_window(task)))  # type: ignore[misc]

    with one_thread(monkeypatch):
        measured_alone(wanted[: SYSTEMS // 2])
    cores = os.cpu_count() or 1
    found = []
    whole = timed(lambda: found.append(run_cycle(project, alarms, now=moment)))
    with one_thread(monkeypatch):
        measured_alone(wanted[SYSTEMS // 2 :])
    forget_stores()
    assert [run.outcome for run in found[0].runs] == ["measured"] * SYSTEMS
    ratio = whole / (sum(parts) / cores)
    print(
        f"{SYSTEMS} systems of {rows:,} x {COLUMNS}: measure times {sum(parts):.1f} s, all at once "
        f"on {cores} processors {whole:.1f} s, ratio {ratio:.2f}, asked {SHARING}"
    )
    figures.at_most("monitor: many systems / equal shares", ratio, SHARING)
