"""Which records are about a model: by digest, never by name."""

from aims_mlops.dossier.dossier import Dossier, evidence_root

MODEL, DATA, OTHER = "a" * 64, "d" * 64, "f" * 64


def dossier(log, system="loans"):
    return Dossier.of(MODEL, system, log.records)


def train(log, *, run="r1", model=MODEL, data=DATA, actor="ana", activity="training"):
    log.write("run", {"activity": activity}, "1" * 64, run=run, system="loans", actor=actor)
    datasets = [{"name": "d", "sha256": data}, {"name": "no digest"}, "d"]
    body = {"sha256": model, "datasets": datasets}
    return log.write("model", body, model, run=run, system="loans", actor=actor)


def test_data_sets_are_those_of_the_models_records_and_of_its_runs(log):
    train(log)
    log.write("dataset", {"sha256": "e" * 64}, "e" * 64, run="r1")
    log.write("dataset", {"sha256": OTHER}, OTHER, run="r2")
    log.write("dataset", {"sha256": 7}, OTHER, run="r1")
    train(log, run="r3", model=OTHER, data="c" * 64)
    assert dossier(log).model_runs == {"r1"}
    assert dossier(log).datasets == (DATA, "e" * 64)


def test_model_record_without_a_run_or_data_names_none(log):
    log.write("model", {"sha256": MODEL, "datasets": None})
    log.write("run", {}, "1" * 64)
    assert (dossier(log).model_runs, dossier(log).datasets) == (frozenset(), ())
    assert dossier(log).of_kind("run") == ()


def test_evidence_of_the_run_data_and_system_is_the_models_own(log):
    train(log)
    own = [log.write(kind, {}, "1" * 64, run="r1") for kind in ("environment", "code", "gap")]
    strange = log.write("environment", {}, "1" * 64, run="r9")
    data = log.write("data-quality", {}, DATA)
    log.write("data-quality", {}, OTHER)
    here = log.write("incident", {}, "2" * 64, system="loans")
    log.write("incident", {}, "2" * 64, system="toys")
    policy = log.write("policy", {}, "3" * 64)
    found = dossier(log)
    assert [found.of_kind(r.evidence.kind) for r in own] == [(r,) for r in own]
    assert strange not in found.of_kind("environment")
    assert found.of_kind("data-quality") == found.about_dataset("data-quality", DATA) == (data,)
    assert found.about_dataset("data-quality", OTHER) == ()
    assert found.of_kind("incident") == (here,)
    assert found.of_kind("policy") == (policy,)
    assert dossier(log, None).of_kind("incident") == ()
    assert dossier(log, None).of_kind("policy") == (policy,)


def test_records_count_once_in_the_order_of_the_log(log):
    first, second = log.write("performance", {}), log.write("bias", {})
    found = Dossier.of(MODEL, None, [second, first, second])
    assert found.records == (first, second)
    assert evidence_root([second, first, second]) == evidence_root([first, second])
    assert evidence_root([first]) != evidence_root([second])


def test_evidence_root_changes_with_what_an_approver_is_shown_and_with_nothing_else(log):
    train(log)
    before = dossier(log).evidence_root
    log.write("drift", {})
    log.write("performance", {}, OTHER)
    log.say("bo")
    assert dossier(log).evidence_root == before
    log.write("performance", {})
    assert dossier(log).evidence_root != before


def test_assessment_is_the_last_that_was_submitted_about_the_model(log):
    assert (dossier(log).assessment, dossier(log).assessment_digest) == (None, None)
    log.write("impact-assessment", {"document_sha256": "x"})
    last = log.write("impact-assessment", {"document_sha256": 7})
    log.write("impact-assessment", {"document_sha256": "y"}, OTHER)
    assert (dossier(log).assessment, dossier(log).assessment_digest) == (last, None)


def test_trainer_is_whoever_ran_what_made_the_model_and_no_evaluator(log):
    train(log)
    log.write("run", {"activity": "evaluation"}, "1" * 64, run="r2", actor="eve")
    log.write("model", {"sha256": MODEL}, run="r2", actor="eve")
    log.write("model", {"sha256": MODEL}, run="r3", actor="cy")
    assert dossier(log).trainers == {"ana", "cy"}


def test_other_models_are_those_of_the_same_system(log):
    train(log)
    train(log, run="r2", model=OTHER)
    log.write("model", {"sha256": "c" * 64}, "c" * 64, system="toys")
    log.write("model", {"sha256": 7}, "c" * 64, system="loans")
    assert dossier(log).other_models == (OTHER,)
    assert dossier(log, None).other_models == ()


def test_model_assessed_before_is_the_last_other_one_of_the_system(log):
    assert dossier(log).assessed_before is None
    for model, system in ((OTHER, "loans"), ("c" * 64, "loans"), (MODEL, "loans"), ("e" * 64, "t")):
        log.write("impact-assessment", {"model": model}, model, system=system)
    log.write("impact-assessment", {"model": 7}, OTHER, system="loans")
    assert dossier(log).assessed_models == (OTHER, "c" * 64)
    assert dossier(log).assessed_before == "c" * 64
    assert dossier(log, None).assessed_before is None
