"""The world of the gate's own tests, under attack."""

import pytest

from aims_mlops.evidence.store import as_stored
from support.gate import bad as bad
from support.gate import good as good
from support.gate import made_world


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The gate's world, in which every refusal has to be in the log with its reasons."""
    with made_world(tmp_path, monkeypatch) as made:
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
