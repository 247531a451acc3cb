"""What was enough for a promotion once, and is not any more: through a real gated server.

Records of the past are written with the clock of this process set back; the server has the time of
today.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from aims_mlops.approvals.grant_waiver import waive
from aims_mlops.evidence.records import Subject
from aims_mlops.store.administration.clock_change import record_clock_change

_COUNT = iter(range(10_000))


@pytest.fixture
def name() -> str:
    return f"loans-later-{next(_COUNT)}"


@pytest.fixture
def with_waivers(organisation: Any) -> Iterator[None]:
    """A policy under which a person may set a rule aside."""
    path = organisation.world.root / "policies/production.yaml"
    before = path.read_text()
    path.write_text(before + "waivers: {allowed: true, roles: [security]}\n")
    yield
    path.write_text(before)


@contextlib.contextmanager
def in_the_past(world: Any, ago: timedelta) -> Iterator[None]:
    """What is recorded inside was received so long ago; the clock that was set back is told."""
    with time_machine.travel(datetime.now(UTC) - ago):
        record_clock_change(world.store, actor="tester@example.org", reason="a test of time")
        yield


def helper(organisation: Any) -> Any:
    return sys.modules[type(organisation.world).__module__]


def refusals(answer: tuple[int, Any]) -> dict[str, str]:
    """Rule -> what was observed, of a refusal."""
    status, body = answer
    assert (status, body["error_code"]) == (403, "PERMISSION_DENIED"), body
    return {reason["rule"]: reason["observed"] for reason in body["aims"]["reasons"]}


def test_assessment_that_ran_out_is_refused_until_it_is_submitted_again(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    world, content = organisation.world, f"content {name}"
    version = gated.register(name, content)
    with in_the_past(world, timedelta(days=400)):
        model = organisation.train(content, tmp_path)
        world.submit(model)
    world.measure(model, helper(organisation).GOOD)
    world.approve(model)
    found = refusals(gated.alias(name, version))
    assert list(found) == ["assessment.submitted"]
    assert found["assessment.submitted"].startswith("400 days old")
    world.submit(model)
    world.approve(model)
    assert gated.alias(name, version)[0] == 200


def test_approval_that_ran_out_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    world, content = organisation.world, f"content {name}"
    version = gated.register(name, content)
    with in_the_past(world, timedelta(days=200)):
        model = organisation.ready(content, tmp_path)
    found = refusals(gated.alias(name, version))
    assert "200 days old" in found["approvals.count"]
    world.measure(model, helper(organisation).GOOD)
    assert "approvals.count" in refusals(gated.alias(name, version))


def test_data_set_that_changed_after_the_approval_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    world, content = organisation.world, f"content {name}"
    version = gated.register(name, content)
    model = organisation.ready(content, tmp_path)
    assert gated.alias(name, version)[0] == 200
    data, run = helper(organisation).sha(f"other data {name}"), "f" * 31 + version
    of_run = Subject.of_name(f"run:{run}")
    world.record("dataset", [Subject("dataset:e", data)], {"name": "e", "sha256": data}, run=run)
    body = {"name": "m", "sha256": model.sha256,
            "datasets": [{"name": "e", "role": "train", "sha256": data}]}  # fmt: skip
    world.record("model", [model.subject, of_run], body, run=run)
    found = refusals(gated.alias(name, version))
    assert "another datasets" in found["approvals.count"]


def test_assessment_that_changed_after_the_approval_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    world, content = organisation.world, f"content {name}"
    version = gated.register(name, content)
    model = organisation.ready(content, tmp_path)
    assert gated.alias(name, version)[0] == 200
    text = (world.root / "assessment.yaml").read_text()
    world.write("second.yaml", text.replace("a score", "a score and a ranking"))
    world.submit(model, file="second.yaml")
    assert "assessment" in refusals(gated.alias(name, version))["approvals.count"]
    world.approve(model)
    assert gated.alias(name, version)[0] == 200


def test_waiver_lifts_its_rule_until_it_runs_out(
    gated: Any, organisation: Any, with_waivers: None, name: str, tmp_path: Path
) -> None:
    world, content = organisation.world, f"content {name}"
    version = gated.register(name, content)
    model = organisation.train(content, tmp_path, figures=helper(organisation).BAD)
    world.submit(model)
    world.approve(model)
    assert set(refusals(gated.alias(name, version))) == {"performance.recall"}
    seconds = 12
    with in_the_past(world, timedelta(days=1, seconds=-seconds)):
        end = time.monotonic() + seconds
        waive(
            world.project, world.store, model, world.policy, rule="performance.recall",
            target="production", reason="a pilot", compensating_measure="clerks look twice",
            days=1, requester="dee", approver="cy",
        )  # fmt: skip
    assert gated.alias(name, version)[0] == 200
    assert time.monotonic() < end, "too slow to tell"
    time.sleep(max(0.0, end - time.monotonic()) + 1)
    assert set(refusals(gated.alias(name, version))) == {"performance.recall"}
