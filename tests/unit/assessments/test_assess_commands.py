"""From an empty folder to an approved assessment, as people type it."""

import json

import pytest
from click.testing import CliRunner

from aims_mlops.cli.assess import group as assess
from aims_mlops.cli.init import command as init
from aims_mlops.cli.init import lint_command as lint
from aims_mlops.inventory.project import find_project


def run(command, *arguments, exit_code=0, **how):
    result = CliRunner().invoke(command, [str(a) for a in arguments], **how)
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result.output


def test_init_writes_three_files_that_lint_lists_by_line(tmp_path):
    run(init, tmp_path / "p", "--system", "loans")
    output = run(lint, tmp_path / "p", exit_code=1)
    assert "aims.yaml:16: owner of loans is empty" in output
    assert "assessments/loans.yaml:10: scope.covers is empty" in output
    assert "policies" not in output.replace("policies/production.yaml:", "")
    problems = [line for line in output.splitlines() if line.startswith("✗")]
    assert all("empty" in p or "nobody" in p or "no " in p for p in problems), problems
    project = find_project(tmp_path / "p")
    assert project.system("loans").risk_tier == "high"
    assert project.target_name("champion") == "production"


def test_init_never_overwrites(tmp_path):
    run(init, tmp_path, "--system", "loans")
    (tmp_path / "aims.yaml").write_text("systems: []\n")
    output = run(init, tmp_path, "--system", "loans")
    assert output.count("kept") == 3
    assert (tmp_path / "aims.yaml").read_text() == "systems: []\n"


def test_init_makes_an_id_from_the_name_of_the_folder(tmp_path):
    run(init, tmp_path / "Credit Scoring!")
    assert (tmp_path / "Credit Scoring!" / "assessments" / "credit-scoring.yaml").is_file()


@pytest.mark.parametrize("arguments", [("--system", "Not An Id"), ("--pack", "basline")])
def test_init_refuses_a_bad_id_or_pack(tmp_path, arguments):
    with pytest.raises(ValueError, match=r"not an id|no pack"):
        run(init, tmp_path, *arguments)


def test_lint_of_a_complete_project_is_clean(world):
    filled = "    foreseeable_misuse: [scoring tenants]\n    affected_people: [clients]\n"
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("    models:", f"{filled}    models:"))
    output = run(lint, world.root)
    assert output.startswith("✓ nothing to put right in")
    assert "production.yaml" in output
    assert "assessment.yaml" in output


def test_lint_of_one_broken_policy_exits_with_its_line(world):
    world.write("p.yaml", "id: p\nrulse: []\n")
    output = run(lint, world.root / "p.yaml", exit_code=1)
    assert "p.yaml:2: unknown key 'rulse'; did you mean 'rules'" in output


def test_evidence_that_comes_while_a_person_reads_is_not_approved(world, monkeypatch):
    model = world.train()
    world.submit(model)

    def read_for_long(*_, **__):
        world.measure(model, [])
        return True

    monkeypatch.setattr("click.confirm", read_for_long)
    output = run(assess, "approve", "--model", model.uri, "--as", "bo", exit_code=1)
    assert "✗ it does not count" in output
    assert "approvals.count" in [refusal.rule for refusal in world.gate(model).refusals]


def test_new_assessment_marks_what_comes_from_evidence(world):
    model = world.train()
    (world.root / "assessment.yaml").unlink()
    output = run(assess, "new", "loans", "--model", model.uri, "--as", "ana")
    text = (world.root / "assessment.yaml").read_text()
    assert "3 fields from evidence" in output
    assert "recall_score, overall: 0.8 [0.76, 0.84], n=500" in text
    assert 'author: "ana"' in text
    record = next(iter(world.store.find(kind="performance")))
    assert record.id in text
    with pytest.raises(ValueError, match="is there already"):
        run(assess, "new", "loans", "--as", "ana")


PRIOR = """\
system: loans
author: ana
scope: {covers: consumer loans of the first kind}
system_information: {description: a score, purpose: help clerks, intended_uses: clerks look}
algorithm: {limitations: weak below 21 years, performance: what was measured then}
impacts:
- id: refused
  on: individuals
  kind: harm
  description: a good customer is refused
  likelihood: possible
  severity: moderate
human_oversight: {who: a clerk, how: every refusal is read}
"""


def test_new_assessment_carries_over_what_was_approved_before(world):
    from aims_mlops.assessments.lint import read_assessment

    first = world.train("first")
    world.write("prior.yaml", PRIOR)
    approved = world.submit(first, file="prior.yaml")
    world.approve(first)
    world.write("other.yaml", PRIOR.replace("21 years", "nobody knows"))
    second = world.train("second")
    world.submit(second, file="other.yaml")  # newer, and answered by nobody
    path = world.root / "new.yaml"
    output = run(assess, "new", "loans", "--model", second.uri, "--as", "bo", "--output", path)
    assert f"record {approved.id[:12]}, is carried over: confirm it" in output
    written, _ = read_assessment(path)
    assert written.author == "bo"
    assert written.algorithm.limitations == "weak below 21 years"
    assert written.provenance("algorithm.limitations") == "from evidence"
    assert written.from_evidence["algorithm.limitations"].record == approved.id
    assert written.algorithm.performance.startswith("recall_score, overall: 0.8")  # measured now
    assert [impact.description for impact in written.impacts] == ["a good customer is refused"]
    assert written.human_oversight.who == "a clerk"
    assert "# Carried over from the assessment before; confirm it." in path.read_text()


def test_rejected_assessment_is_carried_over_only_if_there_is_no_other(world):
    from aims_mlops.assessments.review import prior_assessment

    model = world.train()
    assert prior_assessment(world.project, "loans") is None
    first = world.submit(model)
    world.approve(model)
    assert prior_assessment(world.project, "loans").id == first.id
    world.approve(model, verdict="reject", reason="not like this")
    world.write("prior.yaml", PRIOR)
    second = world.submit(model, file="prior.yaml")
    assert prior_assessment(world.project, "loans").id == second.id


def test_field_that_was_edited_after_it_was_filled_counts_as_declared(world):
    from aims_mlops.assessments.lint import read_assessment

    model = world.train()
    path = world.root / "new.yaml"
    run(assess, "new", "loans", "--model", model.uri, "--as", "ana", "--output", path)
    before, _ = read_assessment(path)
    assert before.provenance("algorithm.performance") == "from evidence"
    path.write_text(path.read_text().replace("0.8 [0.76", "0.9 [0.76"))
    after, _ = read_assessment(path)
    assert after.provenance("algorithm.performance") == "declared"
    assert after.provenance("failures") == "missing"


def test_lint_says_by_line_what_the_risk_tier_needs(world):
    output = run(assess, "lint", "assessment.yaml", "--tier", "high", exit_code=1)
    assert "assessment.yaml:4: system_information.unintended_uses is empty" in output
    assert "no harm is described" in output
    assert run(assess, "lint", "assessment.yaml").startswith("✓ assessment.yaml is complete")


def test_submitting_an_assessment_with_an_empty_required_section_writes_nothing(world):
    model = world.train()
    text = (world.root / "assessment.yaml").read_text()
    world.write("assessment.yaml", text.replace("covers: version one", "covers: ''"))
    size = world.store.status().size
    with pytest.raises(ValueError, match=r"assessment\.yaml:3: scope.covers is empty"):
        run(assess, "submit", "--model", model.uri, "--as", "ana")
    assert world.store.status().size == size


def test_submit_approve_show_reject_revoke(world):
    model = world.train()
    about = ("--model", model.uri, "--for", "champion")
    assert "✓ submitted" in run(assess, "submit", *about, "--as", "ana@example.org")
    assert "1 more approval needed" in run(assess, "show", *about)
    output = run(assess, "approve", *about, "--as", "bo", input="n\n", exit_code=1)
    assert "approve as bo?" in output
    assert not list(world.store.find(kind="approval"))
    output = run(assess, "approve", *about, "--as", "bo", "--yes")
    assert "✓ approved by bo" in output
    assert "✓ approved: by bo" in run(assess, "show", *about)
    state = json.loads(run(assess, "show", *about, "--json"))
    assert (state["state"], list(state["approvals"])) == ("approved", ["bo"])
    run(assess, "return", *about, "--as", "cy", "--reason", "say who can appeal", "--yes")
    assert "✗ returned: by cy: say who can appeal" in run(assess, "show", *about)
    assert not world.gate(model).allowed
    run(assess, "reject", *about, "--as", "cy", "--reason", "unfair to the old", "--yes")
    assert "✗ rejected: by cy: unfair to the old" in run(assess, "show", *about)
    run(assess, "approve", *about, "--as", "cy", "--yes")
    run(assess, "revoke", *about, "--as", "cy", "--reason", "wrong button", "--yes")
    run(assess, "revoke", *about, "--as", "bo", "--reason", "wrong button", "--yes")
    assert json.loads(run(assess, "show", *about, "--json"))["state"] == "submitted"


def test_approval_that_will_not_count_says_so_at_once(world):
    model = world.train()
    world.submit(model)
    about = ("--model", model.uri, "--as", "ana", "--yes")
    output = run(assess, "approve", *about, exit_code=1)
    assert "✗ it does not count: ana holds none of the roles risk-owner" in output


def test_what_was_signed_is_kept_and_is_what_was_shown(world):
    import hashlib

    model = world.train()
    world.submit(model)
    output = run(assess, "approve", "--model", model.uri, "--as", "bo", "--yes")
    body = next(iter(world.store.find(kind="approval"))).evidence.body
    shown = world.store.get_blob(body["shown_blob"])
    assert hashlib.sha256(shown).hexdigest() == body["shown_sha256"]
    assert shown.decode() in output
    assert model.sha256 in shown.decode()
    assert "help clerks" in shown.decode()


def test_signing_key_is_readable_by_its_owner_only_and_is_used_again(world, tmp_path):
    for name in ("one", "two"):
        model = world.train(name)
        world.submit(model)
        world.approve(model)
    keys = {r.evidence.body["public_key"] for r in world.store.find(kind="approval")}
    assert len(keys) == 1
    path = tmp_path / "keys" / "bo.key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(ValueError, match="may be read by others"):
        world.approve(world.models["one"])


def test_diff_names_the_fields_and_what_else_re_opens_it(world, good):
    model = world.train()
    world.submit(model)
    about = ("--model", model.uri)
    assert "is what was submitted" in run(assess, "diff", *about)
    text = (world.root / "assessment.yaml").read_text()
    world.write("assessment.yaml", text.replace("a score", "a decision") + "failures: none yet\n")
    world.measure(model, good)
    output = run(assess, "diff", *about, exit_code=1)
    assert "~ system_information.description: a score -> a decision" in output
    assert "+ failures: none yet" in output
    assert "! a new performance record since then" in output


def test_waive_and_delegate_from_the_command_line(world, bad):
    text = (world.root / "policies/production.yaml").read_text()
    world.write("policies/production.yaml", text + "waivers: {allowed: true, max_days: 5}\n")
    model = world.train(figures=bad)
    output = run(
        assess, "waive", "performance.recall", "--model", model.uri, "--reason", "few rows",
        "--instead", "a clerk checks", "--days", "5", "--requested-by", "dee", "--as", "bo",
    )  # fmt: skip
    assert "✓ waived performance.recall until" in output
    output = run(assess, "delegate", "dee", "--role", "risk-owner", "--reason", "h", "--as", "bo")
    assert "✓ bo hands dee risk-owner" in output
    output = run(assess, "delegate", "dee", "--take-back", "--reason", "back", "--as", "bo")
    assert "taken back" in output


def test_assessment_in_markdown_is_the_same_document(world):
    model = world.train()
    world.write(
        "assessment.md",
        "---\nsystem: loans\nauthor: ana\n---\n# Loans\n\n## Scope\n\n### Covers\n\nversion one\n\n"
        "## System information\n\n### Description\n\na score\n\n### Purpose\n\nhelp clerks\n\n"
        "### Intended uses\n\nclerks look at it\n",
    )
    record = world.submit(model, file="assessment.md")
    other = world.submit(model)
    assert record.evidence.body["document_sha256"] == other.evidence.body["document_sha256"]


def test_refresh_fills_what_came_from_evidence_and_keeps_what_people_wrote(world, bad):
    from aims_mlops.assessments.lint import read_assessment

    first = world.train("first")
    path = world.root / "new.yaml"
    run(assess, "new", "loans", "--model", first.uri, "--as", "ana", "--output", path)
    text = path.read_text().replace('covers: "Loan decisions"', 'covers: "version two"')
    path.write_text(text.replace("d (no role)", "our own data"))
    second = world.train("second", figures=bad)
    output = run(assess, "refresh", path, "--model", second.uri)
    assert "filled 2 fields" in output
    assert "kept data.description, which a person wrote" in output
    after, _ = read_assessment(path)
    assert after.algorithm.performance == "recall_score, overall: 0.4 [0.36, 0.44], n=500"
    assert after.provenance("algorithm.performance") == "from evidence"
    assert after.scope.covers == "version two"
    assert after.data.description.startswith("our own data")
    assert "# 6.7 Who is interested in it" in path.read_text()


def test_show_lists_what_is_open_after_break_glass(world):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + "break_glass: {allowed: true, roles: [security]}\n")
    model = world.train()
    world.submit(model)
    assert world.gate(model, requester="cy", break_glass="fraud wave").allowed
    output = run(assess, "show", "--model", model.uri)
    assert "✗ open: break-glass, due " in output
    assert "cy went ahead without consent: fraud wave" in output
    (found,) = json.loads(run(assess, "show", "--model", model.uri, "--json"))["nonconformities"]
    assert found["overdue"] is False


def test_key_is_shown_as_aims_yaml_takes_it(world):
    snippet = run(assess, "key", "--as", "bo")
    line = snippet.splitlines()[-1].strip().removeprefix("- ")
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("{id: bo, roles", f"{{id: bo, keys: [{line}], roles"))
    assert world.gate(world.ready()).allowed


def test_show_names_the_assessments_that_were_superseded(world):
    model = world.train()
    about = ("show", "--model", model.uri)
    first = world.submit(model)
    assert "superseded" not in run(assess, *about)
    second = world.submit(model)
    third = world.submit(model)
    output = run(assess, *about)
    for record in (first, second):
        assert (
            f"record {record.id[:8]} of {record.received_at[:10]} is superseded: record " in output
        )
    assert json.loads(run(assess, *about, "--json"))["superseded"] == [
        {"record": record.id, "why": f"record {third.id[:8]} was submitted later"}
        for record in (first, second)
    ]


def test_show_prints_the_fields_of_the_page(world):
    import re
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()
    section = page.split("### `aims assess show --model MODEL --json`", 1)[1].split("\n### ", 1)[0]
    told = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    model = world.ready()
    assert set(json.loads(run(assess, "show", "--model", model.uri, "--json"))) == told
