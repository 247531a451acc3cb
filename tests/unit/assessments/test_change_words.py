"""Every change in words, on records in memory; and where an assessment stands with it."""

from datetime import timedelta

import pytest

from aims_mlops.approvals.consent import Consent
from aims_mlops.assessments.lifecycle import current_state
from aims_mlops.dossier.changes import changes_between, material_changes
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.inventory.declared.system import System

OLD, NEW = "a" * 64, "b" * 64
SYSTEM = System(id="loans", intended_use="clerks look", risk_tier="high")


def figure(value, low=0.7, high=0.9, measure="recall", group=None):
    return {"measure": measure, "group": group, "value": value, "low": low, "high": high}


def dossier(log, model=OLD):
    return Dossier.of(model, "loans", log.records)


def model(log, digest, run, data="d" * 64, **body):
    named = [{"name": "d", "sha256": data}]
    log.write("model", {"sha256": digest, "datasets": named}, digest, run=run)
    log.write("dataset", {"name": "d", "sha256": data, **body}, data, run=run)


def between(log, system=None):
    return changes_between(dossier(log), dossier(log, NEW), system)


def test_what_the_inventory_states_by_now_is_told(log):
    log.write("impact-assessment", {"intended_use": "robots look", "risk_tier": "minimal"})
    model(log, NEW, "r2")
    assert between(log, SYSTEM)[1:3] == [
        "aims.yaml states another intended use",
        "aims.yaml states another risk tier",
    ]
    log.write("impact-assessment", {"intended_use": "clerks look", "risk_tier": None})
    assert not any("aims.yaml" in change for change in between(log, SYSTEM))
    log.write("impact-assessment", {"intended_use": "robots look"})
    assert not any("aims.yaml" in change for change in between(log, None))


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ({"columns": [{"name": "x", "type": "int"}]}, {"columns": None},
         "dataset d has another schema: -x"),
        ({"columns": "x"}, {"columns": [{"name": "x"}]}, "dataset d has another schema: +x"),
        ({"columns": [{"name": "x", "type": "int"}]}, {"columns": [{"name": "x", "type": "str"}]},
         "dataset d has another schema: x int -> str"),
        ({}, {}, "dataset d has other content"),
        ({"licence": "own"}, {}, "dataset d has another licence"),
        ({"purpose": "train"}, {"purpose": "sell"}, "dataset d has another purpose"),
    ],
)  # fmt: skip
def test_data_set_that_differs_is_told_how(log, then, now, words):
    model(log, OLD, "r1", **then)
    model(log, NEW, "r2", data="e" * 64, **now)
    assert words in between(log)


def test_no_more_than_eight_columns_are_named(log):
    def columns(count):
        return {"columns": [{"name": f"c{n}", "type": "int"} for n in range(count)]}

    model(log, OLD, "r1", **columns(0))
    model(log, NEW, "r2", data="e" * 64, **columns(9))
    names = ", ".join(f"+c{n}" for n in range(8))
    assert f"dataset d has another schema: {names}" in between(log)


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.7, False), (0.9, False), (0.69, True), (0.91, True), (None, False)],
)
def test_figure_outside_the_assessed_interval_is_told_and_on_its_edge_not(log, value, told):
    log.write("performance", {"figures": [figure(0.8)]}, OLD)
    log.write("performance", {"figures": [figure(value)]}, NEW)
    found = [c for c in between(log) if c.startswith("performance")]
    words = f"performance outside the assessed range: recall, overall: {value} outside [0.7, 0.9]"
    assert found == ([words] if told else [])


def test_figure_without_an_interval_or_that_is_new_is_not_compared(log):
    log.write("bias", {"figures": [figure(0.8, None, 0.9), figure(0.8, 0.7, None, "gap")]}, OLD)
    log.write("bias", {"figures": [figure(9), figure(9, measure="gap"),
                                   figure(9, measure="new")]}, NEW)  # fmt: skip
    assert [c for c in between(log) if c.startswith("bias")] == []


def test_figures_after_the_first_eight_are_counted(log):
    old = [figure(0.8, measure=f"m{n}") for n in range(9)]
    log.write("bias", {"figures": old}, OLD)
    for count, end in ((8, "[0.7, 0.9]"), (9, " and 1 more")):
        new = [figure(1.5, measure=f"m{n}") for n in range(count)]
        log.write("bias", {"figures": new}, NEW)
        (found,) = (c for c in between(log) if c.startswith("bias"))
        assert found.endswith(end)
        assert found.count("outside [") == 8


def test_kind_that_was_never_measured_is_no_change(log):
    assert between(log) == [f"another model: {OLD[:12]}… -> {NEW[:12]}…"]
    log.write("bias", {"figures": [figure(0.8)]}, OLD)
    assert "bias was not measured for this model" in between(log)


def test_environment_that_differs_is_told(log):
    for run, digest, body in (
        ("r1", OLD, {"python": "3.12", "platform": "linux", "packages": {"a": "1", "b": "1"}}),
        ("r2", NEW, {"python": "3.12", "platform": "macos", "packages": {"a": "2", "c": "1"}}),
    ):
        model(log, digest, run)
        log.write("environment", body, "1" * 64, run=run)
    assert between(log)[1:] == ["another platform in the run", "3 packages of the run differ"]
    log.write("environment", {"python": "3.12", "platform": "linux", "packages": None}, "1" * 64,
              run="r2")  # fmt: skip
    assert between(log)[1:] == []


def test_what_came_after_the_submission_or_the_approval_re_opens(log):
    model(log, OLD, "r1")
    log.write("performance", {"figures": []})
    assert material_changes(dossier(log), SYSTEM) == []  # nothing was submitted
    log.write("impact-assessment", {"intended_use": "clerks look"})
    assert material_changes(dossier(log), SYSTEM) == []
    log.write("performance", {"figures": []})
    log.write("performance", {"figures": []})
    last = log.write("bias", {"figures": []})
    log.write("nonconformity", {"step": "open"})
    log.write("nonconformity", {"step": "close"})
    assert material_changes(dossier(log), SYSTEM) == [
        "2 new performance records since then",
        "a new bias record since then",
        "a new nonconformity record since then",
    ]
    assert material_changes(dossier(log), SYSTEM, since=last.sequence) == [
        "a new nonconformity record since then"
    ]
    log.write("incident", {}, "2" * 64, system="loans")
    log.write("nonconformity", {"step": "reopen"})
    assert material_changes(dossier(log), SYSTEM, since=last.sequence) == [
        "a new incident record since then",
        "2 new nonconformity records since then",
    ]


def state(log, record, *, consent=None, after=timedelta(), needed=1, changes=(), newer=()):
    return current_state(record, newer, consent, needed=needed, max_age_days=30, changes=changes,
                    now=log.then + after)  # fmt: skip


def test_assessment_expires_after_the_very_day_of_the_limit(log):
    record = log.write("impact-assessment", {})
    day = timedelta(days=30)
    assert state(log, record, after=day).state == "submitted"
    found = state(log, record, after=day + timedelta(seconds=1))
    assert (found.state, found.why) == ("expired", "30 days old; the policy allows 30")


def test_approvals_that_lack_are_counted(log):
    record = log.write("impact-assessment", {})
    assert state(log, record, needed=2).why == "2 more approvals needed"
    one = Consent({"bo": record}, (), ())
    assert state(log, record, consent=one, needed=2).why == "1 more approval needed"
    two = Consent({"cy": record, "bo": record}, (), ())
    found = state(log, record, consent=two, needed=2)
    assert (found.state, found.why) == ("approved", "by bo, cy")
    assert state(log, record, needed=0).why == "by nobody: none needed"


def test_newest_refusal_speaks_and_returned_is_told_only_where_nobody_rejected(log):
    record = log.write("impact-assessment", {})
    both = (("bo", "say more"), ("cy", "unfair"))
    found = state(log, record, consent=Consent({}, (), both, frozenset({"bo"})))
    assert (found.state, found.why) == ("rejected", "by cy: unfair")
    found = state(log, record, consent=Consent({}, (), both, frozenset({"bo", "cy"})))
    assert found.state == "returned"


def test_assessment_that_is_not_kept_for_a_new_model_is_re_opened_in_words(log):
    found = state(log, None, changes=("another class", "dataset d is new"))
    assert (found.state, found.why) == ("re-opened", "another class; dataset d is new")
    found = state(log, None)
    assert (found.state, found.why) == ("draft", "it was not submitted")
    record = log.write("impact-assessment", {})
    found = state(log, record, newer=[record], changes=("x",))
    assert (found.state, found.why) == ("superseded", "record 00000000 was submitted later")


def test_assessment_expires_the_day_after_the_review_that_it_names(log):
    def found(due, days):
        record = log.write("impact-assessment", {"document": {"review_by": due}})
        return state(log, record, after=timedelta(days=days))

    assert found("2026-01-01", 0.9).state == "submitted"
    over = found("2026-01-01", 1)
    assert (over.state, over.why) == ("expired", "its review was due on 2026-01-01")
    assert found(None, 9).state == "submitted"
    assert found("2026-13-01", 0).why == "the date of its review, '2026-13-01', is no date"


def test_figure_is_compared_with_its_own_measure_and_group(log):
    old = [figure(0.8), figure(0.1, 0.0, 0.2, "gap"), figure(0.5, 0.4, 0.6, group={"sex": "F"})]
    log.write("bias", {"figures": old}, OLD)
    log.write("bias", {"figures": old}, NEW)
    assert [c for c in between(log) if c.startswith("bias")] == []
    log.write("bias", {"figures": [*old[:2], figure(0.8, group={"sex": "F"})]}, NEW)
    (found,) = (c for c in between(log) if c.startswith("bias"))
    assert found == "bias outside the assessed range: recall, sex=F: 0.8 outside [0.4, 0.6]"


@pytest.mark.parametrize("which", [OLD, NEW])
def test_environment_of_one_model_alone_can_not_be_compared(log, which):
    model(log, OLD, "r1")
    model(log, NEW, "r2")
    run = {OLD: "r1", NEW: "r2"}[which]
    log.write("environment", {"python": "3.12"}, "1" * 64, run=run)
    assert between(log)[1:] == []
