"""The model card: what it says, where it has it from, and what it admits not to know."""

from __future__ import annotations

import json
import re

import pytest

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.report.card.card import write_card
from aims_mlops.report.card.page import as_html, as_json, as_markdown


def figure(measure, value, group=None, n=100, low=None, high=None):
    return {
        "measure": measure,
        "group": group,
        "value": value,
        "low": low,
        "high": high,
        "numerator": None,
        "denominator": None,
        "n": n,
        "method": "clopper-pearson, 0.95",
        "source": f"scikit-learn 1.9: {measure}",
    }


@pytest.fixture
def reference(digest_of):
    return ModelReference(
        uri="models:/loan-risk/2", sha256=digest_of("m"), name="loan-risk", version="2"
    )


@pytest.fixture
def trained(log, digest_of):
    """One run that made one model on one dataset, with figures."""
    log.add("run", {"activity": "training", "name": "fit", "status": "finished"}, run="r1")
    log.add("code", {"commit": "c" * 40, "dirty": False, "source_sha256": "5" * 64}, run="r1")
    log.add("parameters", {"parameters": {"depth": 4}, "left_out": {}}, run="r1")
    data = {"name": "train", "sha256": digest_of("d"), "rows": 1200, "source": "registry"}
    log.add("dataset", data, about="d", run="r1")
    body = {"name": "model", "framework": "scikit-learn 1.9", "datasets": []}
    log.add("model", body, about="m", run="r1")
    performance = {
        "task": "binary",
        "dataset": {"name": "train", "sha256": digest_of("d")},
        "figures": [
            figure("accuracy", 0.83, low=0.81, high=0.85, n=1200),
            figure("accuracy", 0.7, {"sex": "f"}, n=20, low=0.45, high=0.88),
            figure("accuracy", None, {"sex": "x"}, n=0),
        ],
        "left_out": [{"what": "roc_auc", "why": "no scores", "n": None}],
    }
    log.add("performance", performance, about="m", run="r1")
    return log


def limits(card):
    return [limit.words for limit in card.limits]


def test_every_shown_fact_names_a_record_that_exists(trained, reference, now):
    card = write_card(reference, trained.records, now)
    ids = {record.id for record in trained.records}
    facts = [*card.details, *card.uses, *card.environment]
    assert {fact.label for fact in facts if fact.values} >= {"Name", "Framework", "Code"}
    for fact in facts:
        if fact.values and fact.label not in ("Name", "Version"):
            assert fact.source in ids, fact.label


def test_links_of_the_page_lead_to_places_in_the_page(trained, reference, now):
    page = as_html(write_card(reference, trained.records, now))
    places = set(re.findall(r'\sid="([^"]+)"', page))
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= places
    assert any(target.startswith("e-") for target in targets)


def test_model_without_evidence_says_not_recorded_and_invents_nothing(reference, now):
    card = write_card(reference, [], now)
    assert [f.label for f in card.details if f.values] == [
        "Name",
        "Version",
        "Content SHA-256",
    ]
    assert all(not fact.values for fact in card.uses)
    assert "not recorded" in as_html(card)
    assert "No performance evidence: nothing is known about the model's performance." in limits(
        card
    )


def test_small_and_unknown_groups_are_limitations(trained, reference, now):
    said = limits(write_card(reference, trained.records, now))
    small = "sex = x (0 rows); sex = f (20 rows)"
    assert f"Performance: fewer than 30 rows behind some figures of {small}." in said
    assert "Performance: the data do not say accuracy (sex = x)." in said
    assert "Performance, left out: roc_auc: no scores." in said


def test_data_set_without_licence_is_a_limitation(trained, reference, now):
    said = limits(write_card(reference, trained.records, now))
    assert "Dataset train: licence, purpose not recorded." in said


def test_uncommitted_changes_are_a_limitation(log, reference, now):
    log.add("model", {"name": "m"}, about="m", run="r1")
    log.add("code", {"commit": "c" * 40, "dirty": True}, run="r1")
    said = limits(write_card(reference, log.records, now))
    assert "The code had uncommitted changes; only their digest is recorded." in said


def test_drift_verdict_without_drift_is_no_limitation(trained, reference, now):
    trained.add("drift", {"verdict": "no drift", "figures": []}, about="m")
    assert not [w for w in limits(write_card(reference, trained.records, now)) if "Drift:" in w]


def test_drift_verdict_insufficient_is_a_limitation(trained, reference, now):
    trained.add("drift", {"verdict": "insufficient", "figures": []}, about="m")
    said = limits(write_card(reference, trained.records, now))
    assert "Drift: the newest check says insufficient." in said


def test_figures_of_another_model_do_not_appear(trained, reference, now):
    other = {"figures": [figure("accuracy", 0.99)], "dataset": None}
    trained.add("performance", other, about="another model", run="r2")
    card = write_card(reference, trained.records, now)
    assert [f.value for entry in card.performance for f in entry.overall] == [0.83]


def test_decision_about_another_model_of_the_system_does_not_appear(trained, reference, now):
    trained.add("decision", {"allowed": True, "verdict": "allowed"}, about="another model")
    assert write_card(reference, trained.records, now).answers == ()


def test_refusal_shows_failed_rules_and_counts_passed_ones(trained, reference, now, digest_of):
    body = {
        "verdict": "refused",
        "allowed": False,
        "target": "production",
        "model": digest_of("m"),
        "reasons": [
            {
                "rule": "assessment.approved",
                "outcome": "missing",
                "observed": "no approval",
                "limit": "one approval",
                "next_step": "aims assess approve",
                "refuses": True,
            },
            {"rule": "quality.success", "outcome": "pass", "observed": "true", "refuses": False},
        ],
    }
    trained.add("decision", body, about="m")
    card = write_card(reference, trained.records, now)
    assert card.answers[0].word == "refused for production"
    failed, passed = card.answers[0].reasons
    assert failed.startswith("assessment.approved (missing): no approval; limit: one approval")
    assert failed.endswith("next: aims assess approve")
    assert passed == "1 rule passed"
    assert "The newest decision of the gate: refused for production." in limits(card)


def test_newest_figures_of_the_same_data_set_win(trained, reference, now):
    again = {"dataset": {"name": "train"}, "task": "binary", "figures": [figure("accuracy", 0.5)]}
    trained.add("performance", again, about="m", run="r1")
    card = write_card(reference, trained.records, now)
    assert [f.value for entry in card.performance for f in entry.overall] == [0.5]


def test_use_from_aims_yaml_is_marked_as_not_in_the_log(trained, reference, now):
    declared = {"id": "loans", "intended_use": "second opinion", "foreseeable_misuse": ["alone"]}
    card = write_card(reference, trained.records, now, declared=declared)
    fact = next(fact for fact in card.uses if fact.label == "Intended use")
    assert (fact.text, fact.source) == ("second opinion", "aims.yaml")
    assert "aims.yaml, not in the log" in as_html(card)
    assert "aims.yaml, not in the log" in as_markdown(card)


def test_use_in_the_log_beats_aims_yaml(trained, reference, now):
    record = trained.add("system", {"id": "loans", "intended_use": "as recorded"}, about="loans")
    declared = {"intended_use": "as edited since"}
    card = write_card(reference, trained.records, now, declared=declared)
    fact = next(fact for fact in card.uses if fact.label == "Intended use")
    assert (fact.text, fact.source) == ("as recorded", record.id)


def test_interval_is_drawn_where_the_figures_say(trained, reference, now):
    page = as_html(write_card(reference, trained.records, now))
    # Group f: 0.45 to 0.88 around 0.70 on an axis from 0 to 1; overall 0.83 dashed.
    assert 'class="interval" x1="45.00%" x2="88.00%"' in page
    assert 'class="value" cx="70.00%"' in page
    assert 'class="overall" x1="83.00%"' in page


def test_gap_of_the_run_is_a_limitation(trained, reference, now):
    body = {"where": "bias", "error": "ImportError", "message": "fairlearn"}
    trained.add("gap", body, run="r1")
    said = limits(write_card(reference, trained.records, now))
    assert "Not captured: bias, ImportError, fairlearn." in said


def test_unknown_kind_about_the_model_is_named_as_unknown(trained, reference, now):
    trained.add("vendor-scan", {"secret": "x"}, about="m")
    card = write_card(reference, trained.records, now)
    assert "A record of kind vendor-scan, unknown to this version, is not shown." in limits(card)


@pytest.mark.parametrize("body", [{}, {"figures": [1, {}], "name": [1], "signature": [3]}])
def test_strange_bodies_of_every_kind_make_a_card(log, reference, now, body):
    from aims_mlops.evidence.kinds import KINDS

    for kind in KINDS:
        log.add(kind, body, about="m", run="r1")
    card = write_card(reference, log.records, now)
    assert as_html(card).startswith("<!doctype html>")
    assert as_markdown(card).startswith("---\n")
    json.dumps(as_json(card), allow_nan=False)


def test_expectation_that_failed_is_named_with_counts(trained, reference, now, digest_of):
    body = {
        "dataset": {"name": "train", "sha256": digest_of("d")},
        "suite": {"name": "default"},
        "success": False,
        "expectations": [
            {"type": "expect_a", "column": None, "status": "pass"},
            {
                "type": "expect_column_values_to_not_be_null",
                "column": "age",
                "status": "fail",
                "element_count": 442,
                "unexpected_count": 120,
            },
        ],
    }
    trained.add("data-quality", body, about="d", run="r1")
    card = write_card(reference, trained.records, now)
    failure = "expect_column_values_to_not_be_null of age: fail, 120 of 442 rows"
    assert [q.failures for q in card.quality] == [(failure,)]
    assert failure in as_html(card)
    assert "Data quality of train: an expectation not met, 1 of 2 met." in limits(card)


def test_columns_of_a_drift_check_come_worst_first(trained, reference, now):
    columns = {
        "age": {"verdict": "no drift", "effect": 0.03, "threshold": 0.1},
        "bmi": {"verdict": "drift", "effect": 0.4, "threshold": 0.1, "reason": "0.4 against 0.1"},
        "bp": {"verdict": "insufficient", "effect": 0.2, "threshold": 0.1},
    }
    trained.add("drift", {"verdict": "drift", "columns": columns, "figures": []}, about="m")
    card = write_card(reference, trained.records, now)
    assert [column.name for column in card.drift[0].columns] == ["bmi", "bp", "age"]
    assert "Drift: the newest check says drift for bmi." in limits(card)
    assert "0.4 against 0.1" in as_html(card)
    assert "0.4 against 0.1" in as_markdown(card)


def test_waiver_and_nonconformity_about_the_model_are_limitations(trained, reference, now):
    waiver = {
        "rule": "bias.gap",
        "expires_at": "2026-12-01T00:00:00.000000Z",
        "approver": "robin",
        "reason": "small pilot",
        "compensating_measure": "a nurse checks each case",
    }
    trained.add("waiver", waiver, about="m")
    trained.add("nonconformity", {"what": "break-glass", "state": "open"}, about="m")
    card = write_card(reference, trained.records, now)
    said = limits(card)
    until = "until 2026-12-01 00:00 UTC"
    assert f"Set aside by waiver: rule bias.gap, {until}, approver robin, small pilot." in said
    assert "Nonconformity: break-glass, open." in said
    assert "a nurse checks each case" in as_html(card)


def test_record_that_comes_twice_is_shown_once(trained, reference, now):
    once = write_card(reference, trained.records, now)
    assert write_card(reference, [*trained.records, *trained.records], now) == once


def test_approval_that_the_gate_did_not_count_says_why(trained, reference, now):
    own = trained.add("approval", {"approver": "ana"}, about="m")
    second = trained.add("approval", {"approver": "bo", "reason": "fine"}, about="m")
    decision = {
        "verdict": "allowed",
        "allowed": True,
        "consent": {"bo": second.id},
        "uncounted": [{"record": own.id, "why": "ana is the author and may not also approve"}],
    }
    trained.add("decision", decision, about="m")
    by_id = {a.record.id: a for a in write_card(reference, trained.records, now).answers}
    assert by_id[second.id].reasons == ("fine",)
    assert by_id[own.id].reasons == (
        "the gate did not count it: ana is the author and may not also approve",
    )


def test_allowed_without_any_counted_approval_is_a_limitation(trained, reference, now):
    trained.add("approval", {"approver": "ana"}, about="m")
    trained.add("decision", {"verdict": "allowed", "allowed": True, "consent": {}}, about="m")
    said = limits(write_card(reference, trained.records, now))
    assert "No approval that the gate counted." in said
