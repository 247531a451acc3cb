"""One plugin's failure is its own: a gap that names it, and everybody else's evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
from aims_mlops.capture.run import Run
from aims_mlops.capture.state.statement import statement
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.plugins import hookimpl, manager

Recorded = Callable[..., list[Evidence]]


@pytest.fixture
def plugged(project: Path) -> Iterator[Callable[[object, str], None]]:
    """Register a plugin for the length of a test."""
    names: list[str] = []

    def register(plugin: object, name: str) -> None:
        manager().register(plugin, name)
        names.append(name)

    yield register
    for name in names:
        manager().unregister(name=name)


@aims.training
def train() -> str:
    return "trained"


class Broken:
    """Fails in every hook of a run."""

    @hookimpl
    def before_run_started(self, run: Run) -> None:
        raise RuntimeError("patient 4711")

    @hookimpl
    def collect_run_evidence(self, run: Run) -> Iterable[Evidence]:
        yield statement(run, "supplier", {"name": "half"})
        raise RuntimeError("patient 4711")

    @hookimpl
    def after_run_ended(self, run: Run, records: list[Record]) -> None:
        raise RuntimeError("patient 4711")


class Useful:
    """Returns evidence of its own, and links the run."""

    seen: int = 0

    @hookimpl
    def before_run_started(self, run: Run) -> None:
        run.links["tracker"] = "42"

    @hookimpl
    def collect_run_evidence(self, run: Run) -> Iterable[Evidence]:
        yield statement(run, "supplier", {"name": "ours"})

    @hookimpl
    def after_run_ended(self, records: list[Record]) -> None:
        self.seen = len(records)


def test_broken_plugin_becomes_gaps_and_the_others_evidence_stays(
    plugged: Callable[..., None], recorded: Recorded, fails_open: None
) -> None:
    useful = Useful()
    plugged(Broken(), "broken")
    plugged(useful, "useful")
    with pytest.warns(aims.errors.CaptureWarning) as warned:
        assert train() == "trained"
    assert len(warned) == 3
    gaps = [e.body for e in recorded("gap")]
    assert {gap["where"] for gap in gaps} == {
        "before_run_started of plugin broken",
        "collect_run_evidence of plugin broken",
        "after_run_ended of plugin broken",
    }
    assert {gap["error"] for gap in gaps} == {"RuntimeError"}
    assert "4711" not in str(gaps)
    assert [e.body for e in recorded("supplier")] == [{"name": "ours"}]
    assert recorded("run")[0].body["links"] == {"tracker": "42"}
    assert useful.seen == len(recorded()) - 1  # the last gap came of that very hook


def test_broken_plugin_raises_under_pytest(plugged: Callable[..., None]) -> None:
    plugged(Broken(), "broken")
    with pytest.raises(RuntimeError, match="4711"):
        train()


def test_plugin_that_returns_no_evidence_is_named_in_a_gap(
    plugged: Callable[..., None], recorded: Recorded, fails_open: None
) -> None:
    class Wrong:
        @hookimpl
        def collect_run_evidence(self, run: Run) -> Any:
            return ["not evidence", statement(run, "supplier", {"bad": float("nan")})]

    plugged(Wrong(), "wrong")
    with pytest.warns(aims.errors.CaptureWarning):
        train()
    assert [e.body["where"] for e in recorded("gap")] == ["collect_run_evidence", "supplier"]
    assert len(recorded("run")) == 1


def test_later_plugin_keeps_the_model_and_a_broken_one_is_passed_over(
    plugged: Callable[..., None], recorded: Recorded, fails_open: None
) -> None:
    class Vault:
        @hookimpl
        def save_model(self, model: object, name: str) -> ModelReference:
            return ModelReference(uri=f"vault:{name}", sha256="a" * 64)

    class BrokenVault:
        @hookimpl
        def save_model(self, run: Run, model: object, name: str) -> ModelReference:
            raise OSError(28, "No space left on device")

    class Model:
        def predict(self) -> None: ...

    @aims.training
    def fit() -> Model:
        return Model()

    plugged(Vault(), "vault")
    plugged(BrokenVault(), "broken-vault")
    with pytest.warns(aims.errors.CaptureWarning, match="No space left"):
        fit()
    (model,) = recorded("model")
    assert model.body["uri"] == "vault:model"
    assert model.body["sha256"] == "a" * 64
    (gap,) = recorded("gap")
    assert gap.body["where"] == "save_model of plugin broken-vault"
    assert gap.body["message"] == "No space left on device"
