"""Decisions made again, and other policies tried on them."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from aims_mlops.cli.policy import group
from aims_mlops.dossier.query import gather
from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.records import Evidence
from aims_mlops.gates.backtest import try_policy
from aims_mlops.gates.replay import recorded_policy, repeat
from aims_mlops.policy.difference import difference
from aims_mlops.policy.loading import load_policy


def test_decision_repeated_after_the_world_moved_on_is_the_same(world, bad):
    refused = world.gate(world.train("refused", figures=bad))
    model = world.ready("allowed")
    allowed = world.gate(model)
    world.measure(model, bad)
    world.approve(model, "cy", verdict="reject", reason="changed my mind")
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("risk-owner", "guest"))
    world.write("policies/production.yaml", "id: production\nextends: [iso-42001]\n")
    for decision in (refused, allowed):
        record = world.store.get(decision.record)
        assert repeat(world.store, record).to_body() == dict(record.evidence.body)
    assert world.gate(model).exit_code == 1


def test_repeat_command_says_whether_it_is_the_same(world):
    decision = world.gate(world.ready())
    result = CliRunner().invoke(group, ["repeat", decision.record[:12]])
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "✓ the same decision")
    body = {**world.store.get(decision.record).evidence.body, "attempts": 7}
    forged = world.record("decision", [world.models["one"].subject], body)
    result = CliRunner().invoke(group, ["repeat", forged.id])
    assert result.exit_code == 1


def test_decision_of_a_version_that_said_data_set_is_the_same(world):
    decision = world.gate(world.ready())
    body = dict(world.store.get(decision.record).evidence.body)
    words = [reason | {"observed": reason["observed"]} for reason in body["reasons"]]
    for reason in words:
        for field in ("observed", "limit"):
            if isinstance(reason[field], str):
                reason[field] = reason[field].replace("dataset", "data set")
    assert words != body["reasons"]
    earlier = world.record("decision", [world.models["one"].subject], body | {"reasons": words})
    result = CliRunner().invoke(group, ["repeat", earlier.id])
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "✓ the same decision")


def test_undecided_can_not_be_repeated(world):
    (world.root / "policies/production.yaml").unlink()
    model = world.train()
    record = world.store.append(
        Evidence(
            kind="decision",
            subjects=(model.subject,),
            body=world.gate(model).to_body(),
            actor="dee",
            claimed_at="2026-11-21T00:00:00.000000Z",
        )
    )
    with pytest.raises(EvidenceFormatError, match="no decision that can be repeated"):
        repeat(world.store, record)


def test_recorded_policy_that_was_tampered_with_is_refused(world):
    world.gate(world.ready())
    good = next(iter(world.store.find(kind="policy")))
    content = {**good.evidence.body["content"], "title": "softer"}
    digest = "1" * 64
    world.record(
        "policy", [type(good.evidence.subjects[0])("policy:x", digest)], {"content": content}
    )
    with pytest.raises(EvidenceFormatError, match="does not hold what its digest says") as refused:
        recorded_policy(world.store, digest)
    assert (len(refused.value.got), refused.value.expected) == (16, "1" * 16)


def test_decision_is_repeated_on_its_own_records_whatever_was_gathered_before(world):
    model, other = world.ready("one"), world.train("two")
    record = world.store.get(world.gate(model).record)
    for digest, system in ((other.sha256, "loans"), (model.sha256, None), (model.sha256, "loans")):
        known = gather(world.store, digest, system)
        assert repeat(world.store, record, known).to_body() == dict(record.evidence.body)


def test_stricter_limit_shows_what_it_would_have_refused(world, bad):
    world.gate(world.train("refused", figures=bad))
    world.gate(world.ready("allowed"))
    stricter = world.root / "stricter.yaml"
    stricter.write_text((world.root / "policies/production.yaml").read_text().replace("0.6", "0.9"))
    trials = list(try_policy(world.store, load_policy(stricter)))
    assert [(t.was_allowed, t.would_refuse) for t in trials] == [(False, True), (True, True)]
    same = list(try_policy(world.store, world.policy))
    assert [(t.was_allowed, t.would_refuse) for t in same] == [(False, True), (True, False)]
    assert list(try_policy(world.store, world.policy, target="staging")) == []
    assert list(try_policy(world.store, world.policy, since=datetime.max.replace(tzinfo=UTC))) == []
    result = CliRunner().invoke(group, ["test", str(stricter)])
    assert "1 of 1 promotions that were allowed would have been refused" in result.output
    assert "performance.recall: 0.8 [0.76, 0.84], n=500" in result.output


def test_difference_of_policies_names_rows_and_fields(world):
    other = world.root / "other.yaml"
    text = (world.root / "policies/production.yaml").read_text()
    other.write_text(
        text.replace("min: 0.6", "min: 0.9").replace(
            "evidence.run, kind: run", "e.code, kind: code"
        )
    )
    lines = difference(world.policy, load_policy(other))
    assert "~ performance.recall: min: 0.6 -> 0.9" in lines
    assert any(line.startswith("+ e.code: ") for line in lines)
    assert any(line.startswith("- evidence.run: ") for line in lines)
    assert difference(world.policy, world.policy) == []
    arguments = [str(world.root / "policies/production.yaml"), str(other)]
    assert CliRunner().invoke(group, ["diff", *arguments]).exit_code == 1
