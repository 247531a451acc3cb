"""One person who would be author and approver: keys that nobody else confirmed, or only friends."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from aims_mlops.approvals.enrol import confirm, end, enrol, enrolments, fingerprint, waiting
from aims_mlops.approvals.keys.personal_key import keys_folder, personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.cli.main import app
from aims_mlops.dossier.binding import Binding
from aims_mlops.dossier.query import gather
from aims_mlops.errors import GovernanceError, SeparationOfDutiesError
from aims_mlops.evidence.clock import parse
from aims_mlops.gates.replay import repeat
from aims_mlops.store.disk.key_file import create_key


@pytest.fixture
def model(world):
    """A model of ana's, submitted; eve and finn are new, and have enrolled nothing."""
    text = (world.root / "aims.yaml").read_text()
    world.write(
        "aims.yaml",
        text.replace(
            "people:\n",
            "people:\n  - {id: eve, roles: [risk-owner]}\n  - {id: finn, roles: [developer]}\n",
        ),
    )
    made = world.train()
    world.submit(made)
    return made


def why(world, model):
    decision = world.gate(model)
    assert not decision.allowed
    return [reason for _, reason in decision.uncounted]


def list_key(world, person):
    """What reviewing aims.yaml comes to: the person's key is in it."""
    text = (world.root / "aims.yaml").read_text()
    key = personal_key(person).signer.public.hex()
    assert f"{{id: {person}, roles:" in text
    world.write(
        "aims.yaml",
        text.replace(
            f"{{id: {person}, roles:", f"{{id: {person}, keys: [{{public_key: {key}}}], roles:"
        ),
    )


def run(*arguments, code=0):
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == code, found.output
    return found.output


def test_author_who_approves_in_the_risk_owners_name_with_a_key_made_on_the_spot(world, model):
    with pytest.raises(GovernanceError, match="eve has no signing key here"):
        world.approve(model, "eve")
    personal_key("eve")
    world.approve(model, "eve")
    assert why(world, model) == ["its key was never enrolled for eve: aims people enrol --as eve"]


def test_every_tier_but_minimal_asks_for_enrolled_keys_by_itself(world, model):
    world.write("policies/production.yaml",
                (world.root / "policies/production.yaml").read_text()
                .replace(", enrolment: confirmed", ""))  # fmt: skip
    personal_key("eve")
    world.approve(model, "eve")
    decision = world.gate(model)
    assert decision.allowed
    assert any("believed on first use" in note for note in decision.notes)
    for tier in ("limited", "high"):
        text = (world.root / "aims.yaml").read_text()
        world.write("aims.yaml", text.replace("risk_tier: minimal", f"risk_tier: {tier}"))
        assert "never enrolled" in str(why(world, model))
        world.write("aims.yaml", text)


def test_key_that_its_owner_enrolled_and_nobody_confirmed(world, model):
    enrol(world.project, world.store, person="eve")
    world.approve(model, "eve")
    assert why(world, model) == [
        "nobody has confirmed that its key is eve's: aims people confirm eve"
    ]


def test_confirmation_of_ones_own_key(world, model):
    enrol(world.project, world.store, person="eve")
    entry = waiting(world.project, world.store, "eve", None)
    with pytest.raises(SeparationOfDutiesError):
        confirm(world.project, world.store, entry, by="eve")
    body = {"step": "confirm", "person": "eve", "enrolment": entry.record.id, "key": entry.key}
    for approver in ("eve", "bo"):  # in eve's own name, and in bo's with eve's key
        forged = sign_consent({**body, "approver": approver}, personal_key("eve").signer)
        world.record("enrolment", [entry.record.evidence.subjects[0]], forged, actor=approver)
    world.approve(model, "eve")
    assert "nobody has confirmed" in why(world, model)[0]


def test_author_who_confirms_the_key_that_approves_her_own_model(world, model):
    world.enrol("eve", by="ana")
    world.approve(model, "eve")
    (reason,) = why(world, model)
    assert reason == (
        "its key was confirmed by nobody but those who made what is approved (ana): "
        "somebody else confirms it, or aims.yaml lists it under keys of eve"
    )
    world.confirm("eve", by="dee")
    world.approve(model, "eve")
    assert world.gate(model).allowed


def test_author_who_confirms_a_stooge_who_confirms_the_approver(world, model):
    world.enrol("finn", by="ana")
    world.enrol("eve", by="finn")
    world.approve(model, "eve")
    assert "confirmed by nobody but those who made" in why(world, model)[0]
    world.confirm("finn", by="cy")  # later: what finn said before does not count backward
    world.approve(model, "eve")
    assert "confirmed by nobody but those who made" in why(world, model)[-1]


def test_two_people_alone_whose_keys_aims_yaml_lists_confirm_each_other(world, model):
    personal_key("eve")
    list_key(world, "eve")
    world.approve(model, "eve")
    assert "never enrolled" in why(world, model)[0]  # listing alone is no record
    world.enrol("eve", by="ana")
    world.approve(model, "eve")
    assert world.gate(model).allowed


def test_key_confirmed_only_after_the_approval(world, model):
    enrol(world.project, world.store, person="eve")
    world.approve(model, "eve")
    world.confirm("eve", by="bo")
    (reason,) = why(world, model)
    assert reason.startswith("its key was confirmed only after it, by bo")
    world.approve(model, "eve")
    assert world.gate(model).allowed


def test_somebody_whose_own_key_nobody_knows_vouches_for_nobody(world, model):
    enrol(world.project, world.store, person="finn")
    enrol(world.project, world.store, person="eve")
    entry = waiting(world.project, world.store, "eve", None)
    with pytest.raises(GovernanceError, match="nothing shows that the key of finn is theirs"):
        confirm(world.project, world.store, entry, by="finn")
    body = {"step": "confirm", "person": "eve", "enrolment": entry.record.id, "key": entry.key,
            "approver": "finn"}  # fmt: skip
    forged = sign_consent(body, personal_key("finn").signer)
    world.record("enrolment", [entry.record.evidence.subjects[0]], forged, actor="finn")
    world.approve(model, "eve")
    assert "nobody has confirmed" in why(world, model)[0]


def test_confirmation_of_one_key_moved_to_another(world, model, tmp_path):
    world.enrol("eve", by="bo")
    said = world.store.find(kind="enrolment", newest_first=True)
    genuine = dict(next(iter(said)).evidence.body)
    mallory = create_key(tmp_path / "mallory.key", passphrase="")
    claim = sign_consent({"step": "enrol", "person": "eve", "approver": "eve"}, mallory)
    claimed = world.record("enrolment", [model.subject], claim, actor="eve")
    for moved in ({"enrolment": claimed.id}, {"key": mallory.public.hex()},
                  {"enrolment": claimed.id, "key": mallory.public.hex()}):  # fmt: skip
        world.record("enrolment", [model.subject], {**genuine, **moved}, actor="bo")
    forge(world, model, "eve", mallory)
    assert why(world, model) == [
        "nobody has confirmed that its key is eve's: aims people confirm eve"
    ]


def forge(world, model, person, signer):
    """An approval in a person's name, signed by any key and written past our code."""
    about = gather(world.store, model.sha256, "loans")
    binding = Binding.of(about, target="production", policy=world.policy.digest)
    body = {**binding.to_body(), "verdict": "approve", "approver": person, "roles": ["risk-owner"]}
    return world.record("approval", [model.subject], sign_consent(body, signer), actor=person)


def test_key_that_ended_signs_nothing_more_and_what_it_signed_before_stays(world, model):
    world.approve(model, "bo")
    first = world.gate(model)
    assert first.allowed
    end(world.project, world.store, person="bo", by="cy", reason="left the company")
    assert world.gate(model).allowed
    other = world.train("other")
    world.submit(other)
    world.approve(other, "bo")
    assert "its key had ended by then" in why(world, other)[0]


def test_key_that_was_stolen_takes_its_approvals_with_it_from_that_time_on(world, model):
    given = world.approve(model, "bo")
    assert world.gate(model).allowed
    end(world.project, world.store, person="bo", by="bo", reason="laptop stolen",
        doubtful_from=parse(given.received_at))  # fmt: skip
    assert "its key is in doubt from" in why(world, model)[0]


def test_stranger_who_ends_the_approvers_key(world, model):
    world.approve(model, "bo")
    enrol(world.project, world.store, person="finn")
    with pytest.raises(GovernanceError, match="nothing shows"):
        end(world.project, world.store, person="bo", by="finn", reason="a grudge")
    body = {"step": "end", "person": "bo", "key": personal_key("bo").signer.public.hex(),
            "reason": "a grudge", "doubtful_from": "2020-01-01T00:00:00Z",
            "approver": "finn"}  # fmt: skip
    forged = sign_consent(body, personal_key("finn").signer)
    world.record("enrolment", [model.subject], forged, actor="finn")
    assert world.gate(model).allowed


def test_new_key_counts_once_confirmed_and_ends_the_old_one(world, model):
    old = personal_key("bo").signer
    enrol(world.project, world.store, person="bo", new_key=True)
    world.approve(model, "bo")
    assert "nobody has confirmed" in why(world, model)[0]
    world.confirm("bo", by="cy")
    world.approve(model, "bo")
    assert world.gate(model).allowed
    other = world.train("other")
    world.submit(other)
    forge(world, other, "bo", old)
    assert "its key had ended by then" in why(world, other)[0]
    assert [path.suffix for path in sorted(keys_folder().glob("bo*"))] == [".key", ".retired"]


def test_ended_key_that_is_enrolled_again_stays_ended(world, model):
    end(world.project, world.store, person="bo", by="cy", reason="lost")
    body = {"step": "enrol", "person": "bo", "approver": "bo", "signed_at": "again"}
    again = sign_consent(body, personal_key("bo").signer)
    record = world.record("enrolment", [model.subject], again, actor="bo")
    entry = enrolments(world.project, world.store).entries[-1]
    assert entry.record.id == record.id
    confirm(world.project, world.store, entry, by="cy")
    world.approve(model, "bo")
    assert "its key had ended by then" in why(world, model)[0]


def test_decision_from_before_keys_were_enrolled_is_made_again_as_it_was(world, model):
    world.write("policies/production.yaml",
                (world.root / "policies/production.yaml").read_text()
                .replace(", enrolment: confirmed", ""))  # fmt: skip
    world.approve(model, "bo")
    decision = world.gate(model)
    body = json.loads(json.dumps(dict(world.store.get(decision.record).evidence.body)))
    del body["request"]["enrolment"]
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("risk_tier: minimal", "risk_tier: high"))
    body["request"]["system"]["risk_tier"] = "high"
    personal_key("eve")
    record = world.record("decision", [model.subject], body)
    assert repeat(world.store, record).verdict == "allowed"


def test_commands_enrol_confirm_list_and_end(world, model):
    said = run("people", "enrol", "--as", "eve")
    key = personal_key("eve").signer.public.hex()
    assert fingerprint(key) in said
    assert "waits" in run("people", "list")
    again = CliRunner().invoke(app, ["people", "enrol", "--as", "eve"])
    assert isinstance(again.exception, GovernanceError)
    asked = CliRunner().invoke(app, ["people", "confirm", "eve", "--as", "bo"], input="n\n")
    assert asked.exit_code != 0
    run("people", "confirm", "eve", "--as", "bo", "--yes")
    rows = {row["person"]: row for row in json.loads(run("people", "list", "--json"))}
    assert (rows["eve"]["state"], rows["eve"]["confirmed_by"]) == ("confirmed", ["bo"])
    assert (rows["reg"]["state"], rows["finn"]["state"]) == ("listed only", "no key")
    run("people", "end", "eve", "--as", "eve", "--reason", "lost")
    assert "ended" in run("people", "list")


def test_listed_key_that_waits_confirms_others_and_approves_nothing_yet(world, model):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("people:\n", "people:\n  - {id: hal, roles: []}\n"))
    run("people", "enrol", "--as", "hal", "--list")
    (row,) = [line for line in run("people", "list").splitlines() if line.startswith("hal")]
    assert "waits; may confirm others" in row
    run("people", "enrol", "--as", "eve")
    run("people", "confirm", "eve", "--as", "hal", "--yes")
    rows = {row["person"]: row for row in json.loads(run("people", "list", "--json"))}
    assert (rows["hal"]["state"], rows["eve"]["confirmed_by"]) == ("waits", ["hal"])


@pytest.mark.parametrize(
    "line",
    ["  - {id: gil, roles: [risk-owner]}", "  - id: gil  # new\n    roles: [risk-owner]",
     "  - {id: 'gil' }"],
)  # fmt: skip
def test_first_people_list_their_keys_in_the_file_that_is_reviewed(world, line):
    text = (world.root / "aims.yaml").read_text()
    world.write("aims.yaml", text.replace("people:\n", f"people:\n{line}\n"))
    run("people", "enrol", "--as", "gil", "--list")
    person = world.project.person("gil")
    assert [key.public_key for key in person.keys] == [personal_key("gil").signer.public.hex()]
    after = (world.root / "aims.yaml").read_text()
    assert len(after.splitlines()) - len(text.splitlines()) in (1, 3)
    assert "  - {id: cy, roles: [risk-owner, security]}" in after
