"""What cannot be logged is counted and shown, from the first call on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.inference_log.recorder.recorders import forget_recorders
from aims_mlops.inventory.project import Project
from aims_mlops.operations.alarms.monitoring import alarms
from aims_mlops.store.disk.spool import drain

Bodies = Callable[..., list[dict[str, Any]]]
WaitFor = Callable[[Callable[[], object]], None]


def test_wrong_model_costs_the_digest_and_no_row_and_is_told_from_the_first_call(
    project: Project, monkeypatch: pytest.MonkeyPatch, told: Bodies, wait_for: WaitFor
) -> None:
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")

    @aims.monitored(system="loans", model="models:/nowhere/7")
    def predict(features: Any) -> Any:
        return [1]

    assert predict([{"income": 1.0}]) == [1]
    store = project.open_store()
    wait_for(lambda: list(store.find(kind="gap")) and list(store.find(kind="inference-log")))
    (gap,) = store.find(kind="gap")
    assert gap.evidence.system == "loans"
    assert gap.evidence.body["where"] == "inference log (model)"
    (alarm,) = alarms(store, project, datetime.now(UTC))
    assert (alarm.what, alarm.system) == ("unknown-model", "loans")
    for _ in range(299):
        predict([{"income": 1.0}])
    bodies = told()
    assert sum(body["rows"] for body in bodies) == sum(body["written"] for body in bodies) == 300
    assert len(list(store.find(kind="gap"))) == 1


def test_system_that_is_not_declared_has_its_calls_counted_from_the_first(
    project: Project, monkeypatch: pytest.MonkeyPatch, told: Bodies, wait_for: WaitFor
) -> None:
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")

    @aims.monitored(system="cards")
    def predict(features: Any) -> Any:
        return [1, 2]

    assert predict([1, 2]) == [1, 2]
    store = project.open_store()
    wait_for(lambda: list(store.find(kind="gap")) and list(store.find(kind="inference-log")))
    (alarm,) = alarms(store, project, datetime.now(UTC))
    assert (alarm.what, alarm.system) == ("not-logged", "cards")
    for _ in range(299):
        predict([1, 2])
    bodies = told()
    assert sum(body["calls"] for body in bodies) == 300
    assert sum(body["dropped"].get("log not opened", 0) for body in bodies) == 600
    assert not (project.root / ".aims" / "inference").exists()


def test_settings_that_cannot_be_read_leave_the_counts_in_the_spool(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")
    (project.root / "aims.yaml").write_text("systems: [")

    @aims.monitored(system="loans")
    def predict(features: Any) -> Any:
        return [1]

    assert predict([1]) == [1]
    forget_recorders()
    (project.root / "aims.yaml").write_text("systems: [{id: loans}]\n")
    store = project.open_store()
    assert drain(project.root, store)
    (body,) = (record.evidence.body for record in store.find(kind="inference-log"))
    assert body["dropped"] == {"log not opened": 1}
    assert [record.evidence.body["error"] for record in store.find(kind="gap")] == ["DocumentError"]


def test_thread_that_cannot_be_started_costs_no_count(
    project: Project, monkeypatch: pytest.MonkeyPatch, told: Bodies, wait_for: WaitFor
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    @aims.monitored(system="loans")
    def predict(features: Any) -> Any:
        return [1]

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(3):
            assert predict([{"income": 1.0}]) == [1]
    predict([{"income": 1.0}])
    (body,) = told()
    assert (body["calls"], body["written"]) == (4, 4)
