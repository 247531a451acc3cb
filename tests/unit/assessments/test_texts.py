"""The texts that people read and edit: filled in from the log, shown to approvers, compared."""

import hashlib

import pytest

from aims_mlops.assessments.approval_text import approval_text, assessment_of
from aims_mlops.assessments.difference import difference
from aims_mlops.assessments.document import Assessment, text_digest
from aims_mlops.assessments.lint import read_assessment
from aims_mlops.assessments.prefill import declared, from_evidence, from_prior
from aims_mlops.assessments.refresh import refreshed
from aims_mlops.assessments.template import assessment_text
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.errors import EvidenceFormatError, InputError
from aims_mlops.inventory.declared.system import System
from aims_mlops.policy.policy import policy_from_content

MODEL, DATA = "a" * 64, "d" * 64


def dossier(log):
    return Dossier.of(MODEL, "loans", log.records)


def with_data(log, *bodies):
    named = [{"name": body["name"], "sha256": body["sha256"]} for body in bodies]
    log.write("model", {"sha256": MODEL, "datasets": named}, run="r")
    for body in bodies:
        log.write("dataset", body, body["sha256"], run="r")


def filled(log, field):
    return from_evidence(dossier(log)).get(field, (None, None))[0]


def test_data_sets_are_told_once_with_what_is_and_is_not_declared(log):
    one = {"name": "d", "sha256": DATA, "rows": 9, "columns": ["x", "y"], "source": "branches"}
    with_data(log, one, {**one, "role": "test", "licence": "own"},
              {"name": "e", "sha256": "e" * 64, "role": "train", "rows": 2})  # fmt: skip
    assert filled(log, "data.description") == (
        f"d (test): 9 rows, 2 columns, source branches, licence own, purpose not declared, "
        f"sha256 {DATA[:16]}…\n"
        f"e (train): 2 rows, source not declared, licence not declared, purpose not declared, "
        f"sha256 {'e' * 16}…"
    )


def test_quality_is_told_by_data_set(log):
    with_data(log, {"name": "d", "sha256": DATA})
    for dataset, success in (("d", True), ({"name": "e"}, False), ("d", True)):
        log.write("data-quality", {"dataset": dataset, "success": success}, DATA, run="r")
    assert filled(log, "data.quality") == (
        "d: meets its expectations\ne: does not meet its expectations"
    )


def test_model_is_told_with_its_framework_size_and_environment(log):
    log.write("model", {"sha256": MODEL, "class": "Tree", "framework": "trees 1.0",
                        "size_bytes": 12345}, run="r")  # fmt: skip
    log.write("environment", {"python": "3.12", "platform": "linux", "packages": {"a": "1"}},
              "1" * 64, run="r")  # fmt: skip
    assert filled(log, "algorithm.description") == (
        f"Tree, framework trees 1.0, 12,345 bytes, sha256 {MODEL[:16]}…\n"
        "made with Python 3.12, linux, 1 packages"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "score", "framework": {"name": "trees", "version": "1"}},
         f"score, framework trees 1, sha256 {MODEL[:16]}…"),
        ({}, f"a model, sha256 {MODEL[:16]}…"),
    ],
)  # fmt: skip
def test_model_that_says_little_is_told_as_it_is(log, body, words):
    log.write("model", {"sha256": MODEL, **body}, run="r")
    log.write("environment", {}, "1" * 64, run="r")
    assert filled(log, "algorithm.description") == words


def figure(measure, value, low=None, high=None, n=None, group=None):
    return {"measure": measure, "value": value, "low": low, "high": high, "n": n, "group": group}


def test_figures_are_told_comparisons_first_then_overall_then_groups(log):
    log.write("performance", {"figures": [figure("old", 1)]})
    newest = log.write("performance", {"figures": [
        figure("recall", 0.71234, 0.6, None, 9, {"sex": "F"}),
        figure("recall", 0.8, 0.76, 0.84, 500),
        figure("recall", None, None, None, 0, {"sex": "M"}),
        figure("recall_ratio", 0.9, 0.8, 1.0, 500, {"sex": "*"}),
        figure("recall_difference", 0.1),
    ]})  # fmt: skip
    text, record = from_evidence(dossier(log))["algorithm.performance"]
    assert record == newest.id
    assert text.splitlines() == [
        "recall_ratio, sex compared: 0.9 [0.8, 1], n=500",
        "recall_difference, overall: 0.1",
        "recall, overall: 0.8 [0.76, 0.84], n=500",
        "recall, sex=F: 0.7123, n=9",
        "recall, sex=M: unknown",
    ]


def test_no_more_than_25_figures_are_told(log):
    log.write("bias", {"figures": [figure(f"m{n:02}", n) for n in range(25)]})
    assert len(filled(log, "algorithm.fairness").splitlines()) == 25
    log.write("bias", {"figures": [figure(f"m{n:02}", n) for n in range(27)]})
    lines = filled(log, "algorithm.fairness").splitlines()
    assert (len(lines), lines[24], lines[25]) == (26, "m24, overall: 24", "and 2 more figures")


def test_only_the_last_25_results_of_quality_are_told(log):
    with_data(log, {"name": "d", "sha256": DATA})
    for n in range(26):
        log.write("data-quality", {"dataset": f"d{n}", "success": True}, DATA, run="r")
    lines = filled(log, "data.quality").splitlines()
    assert (len(lines), lines[0]) == (25, "d1: meets its expectations")


def test_nothing_in_the_log_fills_nothing(log):
    log.write("performance", {"figures": None})
    assert from_evidence(dossier(log)) == {}


def test_what_aims_yaml_declares_fills_what_it_says(log):
    system = System(id="loans", title="Loans", purpose=" ", intended_use="clerks look",
                    foreseeable_misuse=("a", "b"))  # fmt: skip
    assert declared(system) == {
        "scope.covers": "Loans",
        "system_information.intended_uses": "clerks look",
        "foreseeable_misuse": "a; b",
    }


def test_earlier_assessment_gives_its_texts_and_none_that_were_measured(log):
    document = {"system": "loans", "scope": {"covers": " all "}, "failures": " ",
                "algorithm": {"performance": "then", "limitations": "young people"}}  # fmt: skip
    record = log.write("impact-assessment", {"document": document})
    texts, whole = from_prior(record)
    assert texts == {
        "scope.covers": ("all", record.id),
        "algorithm.limitations": ("young people", record.id),
    }
    assert whole.algorithm.performance == "then"


IMPACT = {"id": "refused", "on": "individuals", "kind": "harm", "description": "x"}


def test_new_file_reads_back_as_what_it_was_filled_with(tmp_path):
    prior = Assessment.model_validate({"system": "loans", "impacts": (IMPACT,),
                                       "human_oversight": {"who": "a clerk"}})  # fmt: skip
    texts = {"data.description": ("two\nlines", "1" * 64), "failures": ('says "no"', "2" * 64)}
    text = assessment_text(
        system="loans", author="ana", title="Loans: new", declared={"scope.covers": "all"},
        from_evidence=texts, prior=prior,
    )  # fmt: skip
    path = tmp_path / "a.yaml"
    path.write_text(text)
    found, _ = read_assessment(path)
    assert (found.author, found.title, found.scope.covers) == ("ana", "Loans: new", "all")
    assert found.data.description == "two\nlines"
    assert found.failures == 'says "no"'
    assert found.human_oversight.who == "a clerk"
    assert [impact.id for impact in found.impacts] == ["refused"]
    assert found.measures == ()
    assert found.from_evidence["failures"].text_sha256 == text_digest('says "no"')
    fields = ("data.description", "failures", "scope.covers", "scope.leaves_out")
    origins = ["from evidence", "from evidence", "declared", "missing"]
    assert [found.provenance(field) for field in fields] == origins
    assert text.count("# Carried over from the assessment before; confirm it.") == 2
    assert "what it does not cover, and why\n" in text
    assert "which system, version and use this is about, from aims.yaml" in text
    assert "which data, from where, from evidence" in text


def test_new_file_without_anything_known_is_a_whole_template(tmp_path):
    text = assessment_text(system="loans", author="ana")
    path = tmp_path / "a.yaml"
    path.write_text(text)
    found, _ = read_assessment(path)
    assert found == Assessment(system="loans", author="ana")
    assert "Carried over" not in text
    assert "from_evidence:" not in text
    assert text.startswith("# AI system impact assessment.")
    assert "# 6.9 What is done about the harms" in text


def test_text_digest_leaves_out_the_space_around():
    assert text_digest(" a\n") == hashlib.sha256(b"a").hexdigest()


def test_refreshing_fills_a_block_where_the_text_has_lines_and_adds_sections(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("system: loans  # ours\nscope: {covers: by hand}\n")
    found = {"data.quality": ("one\ntwo", "1" * 64), "data.description": ("one", "2" * 64),
             "scope.covers": ("anew", "3" * 64)}  # fmt: skip
    text, done, kept = refreshed(path, found)
    assert (done, kept) == (["data.quality", "data.description"], ["scope.covers"])
    assert "system: loans  # ours" in text
    assert "quality: |-\n    one\n    two" in text
    path.write_text(text)
    written, _ = read_assessment(path)
    assert written.provenance("data.quality") == "from evidence"
    assert written.scope.covers == "by hand"
    again, done, kept = refreshed(path, {"data.quality": ("three", "4" * 64)})
    assert (done, kept) == (["data.quality"], [])
    path.write_text(again)
    assert read_assessment(path)[0].data.quality == "three"


def test_markdown_is_not_refreshed(tmp_path):
    with pytest.raises(InputError, match=r"a\.md is no YAML file"):
        refreshed(tmp_path / "a.md", {})
    (tmp_path / "b.YML").write_text("system: loans\n")
    assert refreshed(tmp_path / "b.YML", {})[1:] == ([], [])


def test_difference_names_what_was_added_removed_and_changed():
    old = Assessment.model_validate({
        "system": "loans", "author": "ana", "failures": "none", "impacts": (IMPACT,),
        "interested_parties": ({"who": "clerks"},), "review_by": "2027-01-01",
        "measures": ({"id": "m", "description": "x", "for_impacts": ("refused",)},),
    })  # fmt: skip
    new = Assessment.model_validate({
        "system": "loans", "author": "bo", "scope": {"covers": "all"},
        "impacts": ({**IMPACT, "description": "y " * 100}, {**IMPACT, "id": "other"}),
        "interested_parties": ({"who": "clerks", "interest": "work"}, {"who": "clients"}),
        "measures": ({"id": "m", "description": "x", "for_impacts": ("refused", "other")},),
    })  # fmt: skip
    other = "id other, on individuals, kind harm, aspect other, description x, from_misuse False"
    assert difference(old, new) == [
        "~ author: ana -> bo",
        "+ scope.covers: all",
        "+ interested_parties.clerks.interest: work",
        "+ interested_parties.clients: who clients",
        f"~ impacts.refused.description: x -> {('y ' * 100)[:159]}…",
        f"+ impacts.other: {other}",
        "- failures: none",
        "~ measures.m.for_impacts: ['refused'] -> ['refused', 'other']",
        "- review_by: 2027-01-01",
    ]
    assert difference(old, old) == []


def test_text_of_160_letters_is_told_whole():
    def one(text):
        return Assessment(system="loans", failures=text)

    assert difference(one(""), one("x" * 160)) == [f"+ failures: {'x' * 160}"]
    assert difference(one(""), one("x" * 161)) == [f"+ failures: {'x' * 159}…"]


DOCUMENT = {
    "system": "loans", "author": "ana", "scope": {"covers": "all\nof it"},
    "interested_parties": [{"who": "clients", "interest": "a fair answer"}],
    "algorithm": {"performance": "recall, overall: 0.8"},
    "impacts": [IMPACT, {**IMPACT, "id": "late", "likelihood": "likely", "severity": "minor",
                         "reversible": "no", "residual_likelihood": "rare",
                         "residual_severity": "minor"}],
    "measures": [{"id": "look", "description": "a clerk looks", "for_impacts": ["refused"],
                  "owner": "bo", "due": "2027-01-31"},
                 {"id": "done", "description": "y", "done": True},
                 {"id": "open", "description": "z"}],
}  # fmt: skip


def shown(log, **how):
    found = dossier(log)
    policy = policy_from_content({"id": "p", "approvals": {}})
    binding = Binding.of(found, target="production", policy=policy.digest)
    return approval_text(found, binding, policy, model_uri="models:/loans/1", **how)


def test_approver_is_shown_the_assessment_the_figures_and_the_digests(log):
    with_data(log, {"name": "d", "sha256": DATA})
    log.write("performance", {"figures": [figure("recall", 0.8)]})
    bias = log.write("bias", {"figures": [figure("gap", 0.1)]})
    fields = {"scope.covers": "declared", "algorithm.performance": "from evidence",
              "failures": "missing"}  # fmt: skip
    log.write("impact-assessment", {"document": DOCUMENT, "fields": fields, "author": "ana",
                                    "document_sha256": "b" * 64}, actor="cy")  # fmt: skip
    text = shown(log, changes=["another model"])
    assert "Impact assessment, submitted 2026-01-01 by cy, written by ana\n" in text
    assert "\nscope, covers (declared)\n  all\n  of it\n" in text
    assert "failures (missing)" not in text
    assert "\ninterested parties\n  clients: a fair answer\n" in text
    assert (
        "\nharm refused, on individuals, other\n  x\n"
        "  likelihood not given, severity not given, reversible not given\n\n"
    ) in text
    assert "  likelihood likely, severity minor, reversible no\n" in text
    assert text.count("after measures") == 1
    assert "  after measures: likelihood rare, severity minor\n" in text
    assert "\nmeasure look for refused\n  a clerk looks; owner bo; due 2027-01-31\n" in text
    assert "\nmeasure done for nothing named\n  y; owner nobody; done\n" in text
    assert "  z; owner nobody; due not given\n" in text
    assert "In the log: algorithm, performance" not in text  # the assessment says it itself
    assert (
        f"\nIn the log: algorithm, fairness (record {bias.id[:8]})\n  gap, overall: 0.1\n" in text
    )
    assert (
        "\nChanged since the model of this system that was assessed before\n  another model\n"
        in text
    )
    assert "\nOther models of this system in the log: 0\n" in text
    assert f"\n  model         {MODEL}\n" in text
    assert f"\n  datasets      {DATA}\n" in text
    assert "is about model" not in text


def test_approver_is_told_that_there_is_no_assessment(log):
    log.write("performance", {"figures": [figure("recall", 0.8)]})
    text = shown(log)
    assert "No impact assessment about this model was submitted.\n" in text
    assert "In the log: algorithm, performance" in text
    assert "Changed since" not in text
    assert "\n  assessment    none\n" in text


def test_control_characters_do_not_reach_the_approver(log):
    document = {**DOCUMENT, "scope": {"covers": "a\x1b[2Jb\u202ec"}}
    log.write("impact-assessment", {"document": document, "fields": {"scope.covers": "declared"}})
    text = shown(log)
    assert "a�[2Jb�c" in text
    assert "written by nobody named" in text


def test_record_without_an_assessment_is_told_so(log):
    for body in ({}, {"document": {"system": 7}}):
        with pytest.raises(EvidenceFormatError, match="no assessment that can be read"):
            assessment_of(body)


def test_carried_section_takes_the_place_of_its_own_lines_and_of_no_others():
    party = {"who": "clients"}
    said = {"system": "loans", "impacts": (IMPACT,), "interested_parties": (party,),
            "human_oversight": {"who": "Renée"}}  # fmt: skip
    prior = Assessment.model_validate(said)
    plain = assessment_text(system="loans", author="ana").splitlines()
    text = assessment_text(system="loans", author="ana", prior=prior, title="café")
    lines = text.splitlines()
    replaced = {'title: ""', "interested_parties: []", "impacts: []"}
    replaced |= {line for line in plain if line.startswith(("  who:", "  how:"))}
    assert [line for line in plain if line not in lines] == [
        line for line in plain if line in replaced
    ]
    assert "from_misuse" not in [line.strip().partition(":")[0] for line in lines]
    assert 'title: "café"' in lines
    assert "  who: Renée" in lines


def test_refreshing_keeps_how_a_person_quoted(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("system: \"loans\"\ntitle: 'ours'\n")
    text, *_ = refreshed(path, {"data.quality": ("good", "1" * 64)})
    assert text.startswith("system: \"loans\"\ntitle: 'ours'\n")


@pytest.mark.parametrize("given", ["residual_likelihood", "residual_severity"])
def test_half_of_a_residual_figure_is_shown(log, given):
    document = {**DOCUMENT, "impacts": [{**IMPACT, given: "minor"}]}
    log.write("impact-assessment", {"document": document, "fields": {}})
    assert "  after measures: likelihood " in shown(log)
