"""The world of the gate's own tests, under attack."""

import importlib.util
import sys
from pathlib import Path

import pytest

from aims_mlops.evidence.store import as_stored


def _load(name, path):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_gate = _load("gate_conftest", Path(__file__).parents[2] / "unit" / "gates" / "conftest.py")
good, bad = _gate.good, _gate.bad


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The gate's world, in which every refusal has to be in the log with its reasons."""
    with _gate.made_world(tmp_path, monkeypatch) as made:
        ask = made.gate

        def gate(model, **how):
            decision = ask(model, **how)
            if decision.record is not None:
                stored = as_stored(made.store).get(decision.record).evidence.body
                assert stored == decision.to_body()
                assert stored["allowed"] or any(r["refuses"] for r in stored["reasons"])
                assert all(r["observed"] and r["next_step"] for r in stored["reasons"])
            return decision

        made.gate = gate
        yield made
