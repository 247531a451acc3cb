"""Required evidence and figures, to the day, the record and the word."""

from datetime import UTC, datetime, timedelta

import pytest

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.gates.decision.evidence import check_figures, check_required
from aims_mlops.policy.policy import policy_from_content

THEN = datetime(2026, 1, 1, tzinfo=UTC)
MODEL, DATA, MORE = "a" * 64, "d" * 64, "e" * 64


def record(kind, body, sequence, *subjects):
    return Record(
        sequence=sequence,
        id=f"{sequence:064x}",
        key="",
        received_at=stamp(THEN),
        evidence=Evidence(
            kind=kind,
            subjects=tuple(Subject("s", digest) for digest in subjects or (MODEL,)),
            body=body,
            actor="ana",
            claimed_at=stamp(THEN),
            run="r",
        ),
        envelope=b"",
        leaf=b"",
    )


def dossier(*records):
    datasets = [{"name": n, "sha256": d} for n, d in (("d", DATA), ("e", MORE))]
    model = record("model", {"sha256": MODEL, "datasets": datasets}, 0)
    return Dossier.of(MODEL, None, [model, *records])


def policy(**content):
    return policy_from_content({"id": "p", **content})


def required(row, *records, after=timedelta()):
    row = {"id": "evidence.it", **row}
    (found,) = check_required(policy(requires=[row]), dossier(*records), THEN + after)
    return found


def test_limit_says_everything_that_is_asked_for():
    whole = {"kind": "data-quality", "success": True, "max_age_days": 3}
    assert required(whole).limit == (
        "evidence of kind data-quality for every dataset of the model, with success, "
        "at most 3 days old"
    )
    assert required({"kind": "run"}).limit == "evidence of kind run"


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (timedelta(seconds=-5), "0 min old"),
        (timedelta(minutes=59, seconds=59), "59 min old"),
        (timedelta(hours=1), "1 h old"),
        (timedelta(hours=47, minutes=59), "47 h old"),
        (timedelta(days=2), "2 days old"),
        (timedelta(days=9), "9 days old"),
    ],
)
def test_age_is_told_in_the_unit_that_fits(after, words):
    found = required({"kind": "run"}, record("run", {}, 1), after=after)
    assert found.observed == f"{words}, record 00000000"


def test_evidence_is_fresh_to_the_very_day_of_the_limit():
    row, run = {"kind": "run", "max_age_days": 3}, record("run", {}, 1)
    assert required(row, run, after=timedelta(days=3)).outcome == "pass"
    assert required(row, run, after=timedelta(days=3, seconds=1)).outcome == "stale"
    assert required({"kind": "run"}, run, after=timedelta(days=30_000)).outcome == "pass"


def test_controls_are_those_of_the_row_else_of_the_kind():
    assert required({"kind": "run", "controls": ["A.7.2"]}).controls == ("A.7.2",)
    assert "A.4.5" in required({"kind": "run"}).controls or required({"kind": "run"}).controls


def test_next_step_is_there_where_it_is_missing_and_only_there():
    assert required({"kind": "run"}, record("run", {}, 1)).next_step == "none"
    assert required({"kind": "drift"}).next_step == "aims drift run --reference A --current B"
    assert required({"kind": "x-audit"}).next_step == (
        "record it: run the training under @aims.training (x-audit)"
    )


def test_each_data_set_needs_its_own_evidence():
    row = {"kind": "data-quality", "success": True}
    one = record("data-quality", {"success": True}, 1, DATA)
    both = (one, record("data-quality", {"success": True}, 2, MORE))
    assert (required(row, *both).outcome, required(row, *both).observed) == (
        "pass",
        "2 of 2 datasets",
    )
    lacking = required(row, one)
    assert (lacking.outcome, lacking.observed) == (
        "missing",
        f"1 of 2 datasets; none for {MORE[:12]}",
    )
    assert required(row).observed == f"0 of 2 datasets; none for {DATA[:12]}, {MORE[:12]}"
    failed = required(row, one, record("data-quality", {"success": False}, 2, MORE))
    assert (failed.outcome, failed.observed) == (
        "fail",
        f"1 of 2 datasets; 0 min old, record 00000000, without success for {MORE[:12]}",
    )


def test_only_three_data_sets_are_named():
    many = [{"name": f"{n}", "sha256": f"{n}" * 64} for n in range(1, 6)]
    model = record("model", {"sha256": MODEL, "datasets": many}, 0)
    row = {"id": "evidence.it", "kind": "dataset"}
    (found,) = check_required(policy(requires=[row]), Dossier.of(MODEL, None, [model]), THEN)
    names = ", ".join(f"{n}" * 12 for n in range(1, 4))
    assert found.observed == f"0 of 5 datasets; none for {names}"


def test_model_without_data_sets_has_no_evidence_about_them():
    bare = Dossier.of(MODEL, None, [record("model", {"sha256": MODEL}, 0)])
    row = {"id": "evidence.it", "kind": "dataset"}
    (found,) = check_required(policy(requires=[row]), bare, THEN)
    assert (found.outcome, found.observed) == ("missing", "the model's record names no dataset")


def figure(value, measure="recall_score"):
    return {"measure": measure, "group": None, "value": value, "low": value, "high": value, "n": 9}


def held(rule, *records, after=timedelta()):
    row = {"id": "performance.it", "measure": "recall_score", "min": 0.6, **rule}
    (told,), (result,) = check_figures(policy(rules=[row]), dossier(*records), THEN + after)
    assert told.rule == result.rule == "performance.it"
    return told


def test_figure_is_fresh_to_the_very_day_of_the_limit():
    good = record("performance", {"figures": [figure(0.8)]}, 1)
    rule = {"max_age_days": 3}
    assert held(rule, good, after=timedelta(days=3)).outcome == "pass"
    assert held(rule, good, after=timedelta(days=3, seconds=1)).outcome == "insufficient"
    assert held({}, good, after=timedelta(days=30_000)).outcome == "pass"


def test_newest_evaluation_is_the_last_that_has_the_measure():
    bad = record("performance", {"figures": [figure(0.1)]}, 1)
    good = record("performance", {"figures": [figure(0.9)]}, 2)
    other = record("performance", {"figures": [figure(0.2, "precision_score")]}, 3)
    assert held({"use": "newest"}, bad, good, other).outcome == "pass"
    assert held({}, bad, good, other).outcome == "fail"


def test_rule_looks_at_its_kind_alone_if_it_names_one():
    bad = record("bias", {"figures": [figure(0.1)]}, 1)
    good = record("performance", {"figures": [figure(0.9)]}, 2)
    assert held({"kind": "performance"}, bad, good).outcome == "pass"
    assert held({}, bad, good).outcome == "fail"


def test_figures_of_another_shape_are_no_figures():
    for figures in ("recall_score", {"recall_score": 0.9}, [0.9], None):
        found = held({"insufficient": "allow"}, record("performance", {"figures": figures}, 1))
        assert (found.outcome, found.refuses) == ("insufficient", True)


def test_thin_data_is_tolerated_only_where_a_figure_is_there():
    thin = {**figure(0.7), "low": 0.5, "high": 0.9}
    found = held({"insufficient": "allow"}, record("performance", {"figures": [thin]}, 1))
    assert (found.outcome, found.tolerated, found.refuses) == ("insufficient", True, False)
    refused = held({}, record("performance", {"figures": [thin]}, 1))
    assert (refused.outcome, refused.tolerated, refused.refuses) == ("insufficient", False, True)
    failed = held({"insufficient": "allow"}, record("performance", {"figures": [figure(0.1)]}, 1))
    assert (failed.outcome, failed.tolerated) == ("fail", False)
