"""What submitting, answering, granting and declaring write, and what they refuse."""

import hashlib
from datetime import timedelta

import pytest

from aims_mlops.approvals.delegate import delegate
from aims_mlops.approvals.grant_waiver import waive
from aims_mlops.approvals.keys.personal_key import keys_folder, personal_key
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.declarations import declare_policy, declare_system
from aims_mlops.dossier.query import gather, resolve_model, system_of, with_assessed
from aims_mlops.errors import (
    DocumentError,
    GovernanceError,
    InputError,
    ModelNotFoundError,
    SeparationOfDutiesError,
)
from aims_mlops.evidence.clock import parse
from aims_mlops.inventory.declared.system import Supplier, System
from aims_mlops.policy.policy import policy_from_content

HARM = """\
impacts:
  - {id: a, on: groups, kind: harm, description: x, likelihood: likely, severity: major,
     residual_likelihood: unlikely, residual_severity: minor}
  - {id: b, on: groups, kind: harm, description: y, likelihood: rare, severity: minor,
     residual_likelihood: possible, residual_severity: minor}
  - {id: c, on: groups, kind: benefit, description: z, likelihood: likely, severity: severe}
"""


def edit(world, file, old, new):
    text = (world.root / file).read_text()
    assert old in text
    world.write(file, text.replace(old, new))


def test_submission_says_what_it_is_about_and_where_each_field_comes_from(world):
    model = world.train()
    world.write("assessment.yaml", (world.root / "assessment.yaml").read_text() + HARM)
    record = world.submit(model, actor="dee")
    body = record.evidence.body
    assert (record.evidence.actor, record.evidence.system) == ("dee", "loans")
    assert (body["author"], body["state"], body["risk_tier"]) == ("ana", "submitted", "minimal")
    assert body["intended_use"] == "clerks look at the score"
    assert (body["model"], body["model_uri"]) == (model.sha256, model.uri)
    assert body["fields"]["scope.covers"] == "declared"
    assert body["fields"]["failures"] == "missing"
    # unlikely 2 x minor 2 = 4, possible 3 x minor 2 = 6; a benefit has no residual impact
    assert body["residual_impact_max"] == 6
    digests = {s.name: s.sha256 for s in record.evidence.subjects}
    assert digests["assessment:loans"] == body["document_sha256"]


@pytest.mark.parametrize(
    ("impacts", "highest"),
    [("", None), (HARM.replace("residual_severity: minor}", "}", 1), None)],
)
def test_residual_impact_is_stated_only_where_every_harm_has_one(world, impacts, highest):
    world.write("assessment.yaml", (world.root / "assessment.yaml").read_text() + impacts)
    body = world.submit(world.train()).evidence.body
    assert body["residual_impact_max"] == highest


def test_assessment_of_a_system_that_aims_yaml_does_not_know_is_refused(world):
    edit(world, "assessment.yaml", "system: loans", "system: toys")
    with pytest.raises(InputError, match="does not know") as refused:
        world.submit(world.train())
    assert (refused.value.got, refused.value.expected) == ("'toys'", "one of loans")


def test_author_need_not_be_known_where_aims_yaml_names_nobody(world):
    text = (world.root / "aims.yaml").read_text()
    edit(world, "assessment.yaml", "author: ana", "author: anna")
    with pytest.raises(DocumentError, match="author is nobody that aims"):
        world.submit(world.train())
    start = text.index("people:")
    world.write("aims.yaml", text[:start] + text[text.index("targets:") :])
    assert world.submit(world.models["one"]).evidence.body["author"] == "anna"


def test_model_of_no_system_may_be_assessed_and_one_of_another_not(world):
    assert world.submit(world.train("free", system=None)).evidence.system == "loans"
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("people:", "  - {id: toys, risk_tier: minimal}\npeople:"))
    with pytest.raises(GovernanceError, match="another AI system") as refused:
        world.submit(world.train("toy", system="toys"))
    assert (refused.value.got, refused.value.expected) == ("loans", "toys")


def test_answer_says_who_held_which_role_and_what_was_shown(world):
    model = world.train()
    world.submit(model)
    record = world.approve(model, "CY", reason=" fine ")
    body = record.evidence.body
    assert (body["approver"], body["reason"], body["verdict"]) == ("cy", "fine", "approve")
    assert body["roles"] == ["risk-owner", "security"]
    assert body["role_sources"] == {"risk-owner": "aims.yaml", "security": "aims.yaml"}
    assert "identity" not in body
    assert body["shown_sha256"] == hashlib.sha256(b"what was shown").hexdigest()
    assert (record.evidence.kind, record.evidence.system) == ("approval", "loans")
    names = {subject.name for subject in record.evidence.subjects}
    assert "assessment:loans" in names
    kinds = [world.approve(model, verdict=v, reason="r").evidence.kind
             for v in ("reject", "return", "revoke")]  # fmt: skip
    assert kinds == ["rejection", "rejection", "revocation"]


def test_model_without_a_system_or_assessment_can_be_approved_where_none_is_required(world):
    edit(world, "policies/production.yaml", "assessment: {required: true}\n", "")
    record = world.approve(world.train(system=None))
    assert record.evidence.system is None
    assert [s.sha256 for s in record.evidence.subjects] == [world.models["one"].sha256]
    record = world.approve(world.train("two"))
    assert len(record.evidence.subjects) == 1


@pytest.mark.parametrize("verdict", ["reject", "return", "revoke"])
def test_refusal_needs_a_reason_and_no_assessment(world, verdict):
    model = world.train()
    with pytest.raises(GovernanceError, match="needs a reason"):
        world.approve(model, verdict=verdict, reason=" ")
    assert world.approve(model, verdict=verdict, reason="no").evidence.body["reason"] == "no"


def test_approval_is_bound_to_what_was_shown_not_to_what_came_meanwhile(world):
    model = world.train()
    world.submit(model)
    shown = world.dossier(model)
    world.measure(model, [])  # while bo reads
    record = world.approve(model, dossier=shown)
    bound = Binding.of(shown, target="production", policy=world.policy.digest).to_body()
    assert {name: record.evidence.body[name] for name in bound} == bound
    decision = world.gate(model, record=False)
    (refusal,) = [r for r in decision.refusals if r.rule == "approvals.count"]
    assert "evidence root" in refusal.observed


def test_stranger_can_not_answer(world):
    with pytest.raises(GovernanceError) as refused:
        world.approve(world.train(), "eve")
    assert refused.value.expected == "one of reg, ana, bo, cy, dee, train-bot, bo-bot"


WAIVER = {"rule": "performance.recall", "target": "production", "reason": " few rows ",
          "compensating_measure": " a nurse looks ", "days": 10, "requester": "DEE",
          "approver": "cy"}  # fmt: skip


def grant(world, model, **changes):
    return waive(world.project, world.store, model, world.policy, **{**WAIVER, **changes})


@pytest.fixture
def waivers(world):
    path = world.root / "policies/production.yaml"
    path.write_text(path.read_text() + "waivers: {allowed: true, max_days: 10}\n")


def test_waiver_says_what_for_how_long_and_who(world, waivers):
    model = world.train()
    record = grant(world, model)
    body = record.evidence.body
    assert (body["rule"], body["reason"], body["compensating_measure"]) == (
        "performance.recall",
        "few rows",
        "a nurse looks",
    )
    assert (body["requester"], body["approver"], body["policy"]) == (
        "dee",
        "cy",
        world.policy.digest,
    )
    days = parse(body["expires_at"]) - parse(record.received_at)
    assert timedelta(days=9, hours=23) < days <= timedelta(days=10, minutes=1)
    assert (record.evidence.actor, record.evidence.system) == ("cy", "loans")
    assert grant(world, world.train("free", system=None)).evidence.system is None
    assert grant(world, model, rule="evidence.dataset").evidence.body["rule"] == "evidence.dataset"


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"rule": "performance.recal"}, InputError, "'performance.recall'?"),
        ({"rule": "nothing.like-it"}, InputError, "one of evidence.dataset, "),
        ({"days": 11}, GovernanceError, "at most 10 days"),
        ({"reason": " "}, GovernanceError, "needs a reason and"),
        ({"compensating_measure": ""}, GovernanceError, "a compensating measure"),
        ({"requester": "bo", "approver": "bo-bot"}, SeparationOfDutiesError, "bo asks for"),
        ({"approver": "eve"}, GovernanceError, "'eve' is nobody"),
    ],
)  # fmt: skip
def test_waiver_that_may_not_be_is_refused(world, waivers, changes, error, words):
    with pytest.raises(error) as refused:
        grant(world, world.train(), **changes)
    assert words in str(refused.value)
    assert not list(world.store.find(kind="waiver"))


def hand(world, **changes):
    how = {"giver": "bo", "to": "dee", "roles": ["risk-owner"], "days": 3, "reason": " holiday "}
    return delegate(world.project, world.store, **{**how, **changes})


def test_delegation_says_what_to_whom_and_until_when(world):
    record = hand(world, giver="cy", roles=["security", "risk-owner"])
    body = record.evidence.body
    assert (body["approver"], body["to"], body["reason"]) == ("cy", "dee", "holiday")
    assert body["roles"] == ["risk-owner", "security"]
    days = parse(body["valid_until"]) - parse(record.received_at)
    assert timedelta(days=2, hours=23) < days <= timedelta(days=3, minutes=1)
    assert {s.name for s in record.evidence.subjects} == {"person:cy", "person:dee"}


def test_delegation_of_what_one_does_not_hold_says_what_one_holds(world):
    with pytest.raises(GovernanceError) as refused:
        hand(world, roles=["security", "risk-owner"])
    assert (refused.value.got, refused.value.expected) == ("security", "one of risk-owner")
    edit(world, "aims.yaml", "{id: dee, roles: [developer]}", "{id: dee}")
    with pytest.raises(GovernanceError) as refused:
        hand(world, giver="dee", to="bo")
    assert refused.value.expected == "one of none"
    with pytest.raises(GovernanceError, match="needs a reason"):
        hand(world, reason="")


def test_system_is_declared_when_it_changed_and_its_suppliers_with_it(world):
    supplier = Supplier(name="Acme", provides="base model", sha256="c" * 64)
    plain = System(id="loans", suppliers=(supplier, Supplier(name="Data", provides="rows")))
    first = declare_system(world.store, plain, actor="ana")
    assert declare_system(world.store, plain, actor="bo").id == first.id
    records = list(world.store.find(kind="supplier"))
    assert [[s.name for s in r.evidence.subjects] for r in records] == [
        ["supplier:Acme", "supplied:Acme"],
        ["supplier:Data"],
    ]
    assert (records[0].evidence.actor, records[0].evidence.system) == ("ana", "loans")
    changed = plain.model_copy(update={"purpose": "more", "suppliers": ()})
    second = declare_system(world.store, changed, actor="bo")
    assert second.id != first.id
    assert second.evidence.body["purpose"] == "more"
    assert len(list(world.store.find(kind="supplier"))) == 2
    # what was declared before and is declared again is a change, too
    assert declare_system(world.store, plain, actor="bo").id not in (first.id, second.id)


def test_policy_is_declared_once(world):
    policy = policy_from_content({"id": "p", "approvals": {}})
    first = declare_policy(world.store, policy, actor="ana")
    assert declare_policy(world.store, policy, actor="bo").id == first.id
    assert first.evidence.body["sha256"] == policy.digest
    other = policy_from_content({"id": "p", "approvals": {"count": 2}})
    assert declare_policy(world.store, other, actor="bo").id != first.id


def test_model_is_found_by_its_digest_or_by_a_plugin_or_not_at_all(world):
    digest = "a" * 64
    for uri in (digest, f"sha256:{digest}"):
        assert (resolve_model(uri).sha256, resolve_model(uri).uri) == (digest, uri)
    with pytest.raises(ModelNotFoundError, match="no plugin knows a model behind 'shelf:x'"):
        resolve_model("shelf:x")


def test_system_of_a_model_is_that_of_its_records_and_its_name(world):
    from dataclasses import replace

    recorded, free = world.train("one"), world.train("two", system=None)

    def found(model):
        system = system_of(world.project, world.store, model)
        return system.id if system is not None else None

    assert (found(recorded), found(free)) == ("loans", None)
    assert found(replace(free, name="loans-2")) == "loans"
    assert found(replace(free, name="toys")) is None
    world.record("model", [free.subject], {}, system="gone")
    assert found(free) is None  # aims.yaml knows no such system
    with pytest.raises(GovernanceError, match="more than one AI system") as refused:
        found(replace(free, name="loans-2"))
    assert refused.value.got == "gone and loans"


def test_evidence_of_a_model_is_gathered_from_its_runs_data_and_system(world):
    model = world.train()
    world.record("incident", model.subject and [model.subject], {}, system=None)
    kinds = {r.evidence.kind for r in gather(world.store, model.sha256, "loans").records}
    assert {"run", "dataset", "model", "performance", "incident"} <= kinds
    found = gather(world.store, "f" * 64, None).records
    assert {r.evidence.kind for r in found} == {"enrolment"}  # whose key is whose, and nothing else
    other = world.train("two")
    assert any(
        r.evidence.body.get("sha256") == other.sha256
        for r in gather(world.store, model.sha256, "loans").records
    )


def test_model_assessed_before_is_gathered_as_the_log_was(world):
    path = world.root / "policies/production.yaml"
    tolerant = path.read_text().replace(
        "{required: true}", "{required: true, tolerance: {figures_within: 1}}"
    )
    path.write_text(tolerant)
    before, model = world.train("one"), world.train("two")
    world.submit(before)
    dossier = gather(world.store, model.sha256, "loans")

    def seen(**how):
        records = with_assessed(world.store, dossier, world.policy, **how).records
        return sum(r.evidence.kind == "performance" for r in records)

    assert seen() == 2
    assert seen(size=0) == 1  # nothing was assessed by then
    submitted = next(iter(world.store.find(kind="impact-assessment")))
    assert seen(size=submitted.sequence) == 1
    assert seen(size=submitted.sequence + 1) == 2
    later = world.measure(before, [])
    assert seen() == 3
    assert seen(size=later.sequence) == 2
    plain = policy_from_content({"id": "p", "approvals": {}})
    assert with_assessed(world.store, dossier, plain) is dossier


def test_key_is_made_once_in_the_folder_that_is_named(world, tmp_path, monkeypatch):
    first = personal_key("eve")
    assert (first.is_new, first.path) == (True, tmp_path / "keys" / "eve.key")
    again = personal_key("eve")
    assert (again.is_new, again.signer.public) == (False, first.signer.public)
    with pytest.raises(InputError, match="not an id that can have a key"):
        personal_key("../bo")
    with pytest.raises(InputError) as refused:
        personal_key("!" * 200)
    assert len(refused.value.got) == 80
    monkeypatch.delenv("AIMS_KEYS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert keys_folder() == tmp_path / "config" / "aims-mlops" / "keys"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert keys_folder() == tmp_path / ".config" / "aims-mlops" / "keys"


def test_key_with_a_passphrase_opens_with_it_alone(world, monkeypatch):
    monkeypatch.setenv("AIMS_APPROVER_PASSPHRASE", "correct horse")
    public = personal_key("eve").signer.public
    assert personal_key("eve").signer.public == public
    monkeypatch.delenv("AIMS_APPROVER_PASSPHRASE")
    with pytest.raises(InputError):
        personal_key("eve")


def test_answer_names_the_version_that_was_asked_about_if_there_is_one(world):
    from dataclasses import replace

    model = world.train()
    world.submit(model)
    assert not world.approve(model).evidence.body.get("registered")
    version = replace(model, name="loans", version="3", created_at="2026-01-01T00:00:00Z",
                      registry="sqlite:///a.db")  # fmt: skip
    said = world.approve(version).evidence.body["registered"]
    assert (said["name"], said["version"]) == ("loans", "3")
    assert said["created_at"] == "2026-01-01T00:00:00Z"
