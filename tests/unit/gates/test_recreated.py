"""Deleted and created again: what the log has to have seen, and in which registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.gates.decision_validity import valid_decision


def at(seconds: int) -> str:
    return stamp(datetime.now(UTC) + timedelta(seconds=seconds))


def registered(model: ModelReference, created: str, registry: str | None) -> ModelReference:
    return replace(model, name="loans", version="1", created_at=created, registry=registry)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("sqlite:///a.db", "sqlite:///a.db", True),
        ("sqlite:///a.db", "sqlite:///b.db", False),
        ("postgresql://u:secret@db/mlflow", "postgresql+psycopg://other@db/mlflow", True),
        ("sqlite:///a.db", "http://127.0.0.1:5000", True),
        (None, "sqlite:///a.db", True),
    ],
)
def test_another_creation_counts_only_where_the_registry_may_be_one(
    world, first: str | None, second: str, same: bool
) -> None:
    model = world.ready()
    assert world.gate(registered(model, at(-60), first)).allowed
    again = world.gate(registered(model, at(60), second))
    assert again.allowed is not same
    assert "secret" not in str([record.evidence.body for record in world.store.find()])


def test_same_creation_seen_twice_needs_no_new_approval(world) -> None:
    version = registered(world.ready(), at(-60), "sqlite:///a.db")
    assert world.gate(version).allowed
    assert world.gate(version).allowed


def test_assessment_has_to_be_new_where_the_policy_asks_for_no_approval(world) -> None:
    policy = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", policy.replace("approvals:", "# approvals:"))
    model = world.train()
    world.submit(model)
    assert world.gate(registered(model, at(-60), None)).allowed
    again = world.gate(registered(model, at(0), None))
    assert [reason.rule for reason in again.refusals] == ["assessment.submitted"]
    world.submit(model)
    assert world.gate(registered(model, again.request.model.created_at, None)).allowed


def test_decision_does_not_stand_for_the_successor_and_still_does_for_the_content(world) -> None:
    model = world.ready()
    assert world.gate(registered(model, at(-60), None)).allowed

    def standing(reference: ModelReference):
        return valid_decision(
            world.store, reference, "production", project=world.project, now=datetime.now(UTC)
        )

    again = standing(registered(model, at(60), None))
    assert [reason.rule for reason in again.reasons] == ["approvals.count"]
    assert standing(model).stands
