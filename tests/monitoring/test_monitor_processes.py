"""Real processes: two at once, one that is killed, one that keeps running."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.project import Project, find_project, forget_stores
from aims_mlops.operations.schedule.steps import begin_schedules

SYSTEMS = 6
DAYS = 3
_AIMS = [sys.executable, "-m", "aims_mlops", "monitor"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Six systems with three days each that are due, by the real clock."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({f"x{i}": np.random.default_rng(i).normal(size=20_000) for i in range(6)})
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(1, DAYS + 1):
        frame.to_parquet(f"{today - timedelta(days=day):%Y-%m-%d}.parquet")
    frame.to_parquet("reference.parquet")
    monitor = '{id: daily, data: "{day}.parquet", reference: reference.parquet}'
    systems = "".join(f"  - {{id: s{i}, monitoring: [{monitor}]}}\n" for i in range(SYSTEMS))
    Path("aims.yaml").write_text(f"version: 1\nsystems:\n{systems}")
    found = find_project()
    store = found.open_store()
    import time_machine

    with time_machine.travel(today - timedelta(days=DAYS, hours=-1)):
        begin_schedules(store, found, datetime.now(UTC))
        for i in range(SYSTEMS):
            store.append(
                Evidence(
                    kind="deployment",
                    subjects=(Subject("model:m", "a" * 64),),
                    body={"event": "deployed", "target": "pilot", "where": "x", "model": "a" * 64},
                    actor="ana",
                    claimed_at=now(),
                    system=f"s{i}",
                )
            )
    forget_stores()
    return found


def runs() -> list[Record]:
    forget_stores()
    return list(find_project().open_store().find(kind="monitoring-run"))


def whole(found: list[Record]) -> bool:
    """Every run of every system once, each with what it measured."""
    drift = {r.evidence.run for r in find_project().open_store().find(kind="drift")}
    ids = [record.evidence.run for record in found]
    return len(ids) == len(set(ids)) == SYSTEMS * DAYS and set(ids) == drift


def test_two_at_once_one_works_and_one_says_so(project: Project) -> None:
    first, second = (
        subprocess.Popen(
            [*_AIMS, "run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    )
    said = [process.communicate(timeout=120)[0] for process in (first, second)]
    codes = sorted((first.returncode, second.returncode))
    assert codes in ([1, 2], [0, 2], [0, 1], [0, 0]), said
    idle = [text for text in said if "Another process" in text or "Nothing is due" in text]
    assert len(idle) == 1, said
    assert whole(runs())


def test_two_machines_on_one_store_record_each_run_once(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another checkout of the project has a lock of its own; the store tells them apart."""
    monkeypatch.setenv("AIMS_STORE_URL", project.store_url)
    other = tmp_path / "other-machine"
    other.mkdir()
    for path in (Path("aims.yaml"), *Path().glob("*.parquet")):
        shutil.copy(path, other)
    both = [
        subprocess.Popen([*_AIMS, "run", "--json"], cwd=folder, stdout=subprocess.PIPE, text=True)
        for folder in (tmp_path, other)
    ]
    rounds = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert [done["held"] for done in rounds] == [True, True]
    assert whole(runs())
    drift = list(find_project().open_store().find(kind="drift"))
    assert len(drift) == SYSTEMS * DAYS
    own = {run["record"] for done in rounds for run in done["runs"] if not run["again"]}
    assert own == {record.id for record in runs()}


def test_killed_in_the_middle_leaves_nothing_half_and_the_next_run_completes(
    project: Project,
) -> None:
    chance = random.Random(7)
    seen = []
    for _ in range(4):
        process = subprocess.Popen([*_AIMS, "run"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()  # the first run is in the log
        time.sleep(chance.random() * 0.15)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = runs()
        drift = {r.evidence.run for r in find_project().open_store().find(kind="drift")}
        assert {r.evidence.run for r in found} == drift
        seen.append(len(found))
    print(f"killed 4 times, with {seen} of {SYSTEMS * DAYS} runs in the log")
    assert seen[0] >= 1
    subprocess.run([*_AIMS, "run"], check=False, capture_output=True, timeout=120)
    assert whole(runs())
    check = subprocess.run([sys.executable, "-m", "aims_mlops", "evidence", "verify"], check=False)
    assert check.returncode == 0


def test_embedded_scheduler_does_what_is_due_and_ends_when_told(
    project: Project, wait_for: Callable[..., None]
) -> None:
    process: Any = subprocess.Popen(
        [*_AIMS, "start", "--every", "1"], stdout=subprocess.PIPE, text=True
    )
    wait_for(lambda: len(runs()) >= SYSTEMS * DAYS, 300)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert said.rstrip().endswith("Ended.")
    assert whole(runs())


def test_large_windows_are_measured_in_several_processes(
    project: Project,
) -> None:
    from aims_mlops.monitoring import workers

    for path in Path().glob("20*.parquet"):
        large = np.random.default_rng(5).normal(size=(120_000, 6))
        pd.DataFrame(large, columns=[f"x{i}" for i in range(6)]).to_parquet(path)
        assert path.stat().st_size > workers.SMALL
    done = subprocess.run(
        [*_AIMS, "run", "--workers", "2"], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert whole(runs())


def test_full_disk_loses_nothing_and_the_next_run_completes(project: Project) -> None:
    """No file of the process may grow beyond what the log has already: ENOSPC's sister, EFBIG."""
    limit = max(path.stat().st_size for path in Path(".aims").rglob("*") if path.is_file())
    full = subprocess.run(
        ["bash", "-c", f"ulimit -f {limit // 1024 + 40}; exec {' '.join(_AIMS)} run"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert full.returncode not in (0, 1), full.stdout
    found = runs()
    drift = {r.evidence.run for r in find_project().open_store().find(kind="drift")}
    assert {r.evidence.run for r in found} == drift
    assert len(found) < SYSTEMS * DAYS
    subprocess.run([*_AIMS, "run"], check=False, capture_output=True, timeout=120)
    assert whole(runs())


def test_killed_worker_fails_its_windows_and_the_next_run_measures_them(project: Project) -> None:
    """The first large window kills the process that measures it, as running out of memory does."""
    from concurrent.futures import ProcessPoolExecutor

    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.monitoring.cycle import run_cycle
    from aims_mlops.monitoring.runner import due, run_due

    found = find_project()
    store = found.open_store()
    now_ = datetime.now(UTC)
    wanted = due(store, found, now_)
    with ProcessPoolExecutor(1) as pool:
        died = pool.submit(os._exit, 9)  # every window that was waiting for it ends with it
        done = list(run_due(store, found, wanted, lambda _task: died, now_))
    assert {ran.outcome for ran in done} == {"failed"}
    assert "ended before it was done" in done[0].findings[0]["reason"]
    again = run_cycle(found, every_alarm, now=now_)
    assert {ran.outcome for ran in again.runs} == {"measured"}
    assert len(again.runs) == SYSTEMS * DAYS
