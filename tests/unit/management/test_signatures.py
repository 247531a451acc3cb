"""Which signatures of entries count: duties kept apart, bound to the content, by a known key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.approvals.keys.signature import sign_consent
from aims_mlops.errors import GovernanceError, InputError, SeparationOfDutiesError
from support.registers import SETTINGS, Organisation


def forge(organisation, given, by, **said):
    """A signed record that no command would have written."""
    body = {k: v for k, v in given.evidence.body.items() if k not in ("signature", "public_key")}
    body |= {"approver": by, **said}
    signed = sign_consent(body, personal_key(by).signer)
    evidence = replace(given.evidence, body=signed, actor=said.get("actor", by))
    return organisation.store.append(evidence)


def test_document_is_approved_by_another_person_of_the_role(organisation):
    organisation.add("document")
    with pytest.raises(SeparationOfDutiesError, match="ana is the author"):
        organisation.approve("ai-policy", by="ana")
    with pytest.raises(SeparationOfDutiesError, match="none of the roles top-management"):
        organisation.approve("ai-policy", by="bo")
    organisation.approve("ai-policy", by="cy")
    entry = organisation.entry("ai-policy")
    assert (entry.state, entry.approved_by) == ("approved", "cy")
    assert entry.in_force.version == "1"


def test_author_through_a_service_account_or_another_name_does_not_approve(organisation):
    organisation.add("document", author="ana@example.org", by="cy")
    assert organisation.entry("ai-policy").body.author == "ana"
    for name in ("ana@example.org", "ana-bot"):
        with pytest.raises(GovernanceError):
            organisation.approve("ai-policy", by=name)
    with pytest.raises(SeparationOfDutiesError, match="cy wrote it"):
        organisation.approve("ai-policy", by="cy")


def test_roles_of_approvers_are_those_of_aims_yaml(tmp_path, monkeypatch):
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    settings = SETTINGS + "management: {approvers: {ai-policy: [risk-owner]}}\n"
    organisation = Organisation(tmp_path).set_up(settings)
    organisation.add("document")
    organisation.approve("ai-policy", by="bo")
    assert organisation.entry("ai-policy").state == "approved"


def test_what_remains_of_a_risk_is_accepted_by_its_owner_alone(organisation):
    organisation.add("risk")
    with pytest.raises(SeparationOfDutiesError, match="accepted by its owner, bo"):
        organisation.approve("R-1", by="cy")
    organisation.approve("R-1", by="bo")
    assert organisation.entry("R-1").state == "accepted"


def test_acceptance_ends_when_the_risk_changes(organisation):
    organisation.add("risk")
    organisation.approve("R-1", by="bo")
    organisation.change("R-1", after={"likelihood": 4, "impact": 5})
    assert organisation.entry("R-1").state == "open"
    organisation.approve("R-1", by="bo")
    assert organisation.entry("R-1").state == "accepted"


def test_competence_is_never_verified_by_whose_it_is(organisation):
    organisation.add("competence", by="bo")
    with pytest.raises(SeparationOfDutiesError, match="ana is the person"):
        organisation.approve("C-1", by="ana")
    organisation.approve("C-1", by="bo")
    assert organisation.entry("C-1").state == "verified"


def test_verification_forged_by_whose_competence_it_is_does_not_count(organisation):
    organisation.add("competence", by="bo")
    given = organisation.approve("C-1", by="bo")
    organisation.approve("C-1", by="bo", verdict="revoke")
    forge(organisation, given, "ana")
    entry = organisation.entry("C-1")
    assert entry.state == "open"
    assert "ana is the person and may not also approve" in [why for _, why in entry.refused]


def test_approval_moved_to_another_content_does_not_count(organisation):
    organisation.add("risk")
    given = organisation.approve("R-1", by="bo")
    organisation.change("R-1", title="worse")
    entry = organisation.entry("R-1")
    forge(organisation, given, "bo", record=entry.latest.id)
    again = organisation.entry("R-1")
    assert again.state == "open"
    assert again.refused[-1][1] == "it is bound to another content"


def test_approval_played_again_after_it_was_taken_back_does_not_count(organisation):
    organisation.add("risk")
    given = organisation.approve("R-1", by="bo")
    organisation.approve("R-1", by="bo", verdict="revoke")
    assert organisation.entry("R-1").state == "open"
    organisation.store.append(replace(given.evidence, claimed_at="2027-01-01T00:00:00Z"))
    entry = organisation.entry("R-1")
    assert entry.state == "open"
    assert entry.refused[-1][1] == "it repeats the signed words of an earlier record"


def test_approval_written_in_the_name_of_another_does_not_count(organisation):
    organisation.add("document")
    given = organisation.approve("ai-policy", by="cy")
    organisation.approve("ai-policy", by="cy", verdict="revoke")
    body = {
        k: v for k, v in given.evidence.body.items() if k not in ("signature", "public_key")
    } | {"reason": "again"}
    signed = sign_consent(body, personal_key("ana").signer)
    organisation.store.append(replace(given.evidence, body=signed))
    assert organisation.entry("ai-policy").state == "draft"


def test_key_that_only_the_author_vouches_for_approves_nothing(tmp_path, monkeypatch):
    """The author confirms a key for another person, who then agrees to the author's document."""
    from aims_mlops.approvals.enrol import confirm, enrol, waiting

    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    settings = SETTINGS + "  - {id: eve, roles: [top-management]}\n"
    organisation = Organisation(tmp_path).set_up(settings)
    project, store = organisation.project, organisation.store
    enrol(project, store, person="eve")
    confirm(project, store, waiting(project, store, "eve", None), by="ana")
    organisation.add("document")
    organisation.approve("ai-policy", by="eve")
    entry = organisation.entry("ai-policy")
    assert entry.state == "draft"
    assert "nobody but those who made" in entry.refused[-1][1]


def test_version_stays_in_force_until_the_next_one_is_approved(organisation):
    organisation.add("document")
    organisation.approve("ai-policy", by="cy")
    link = {"url": "https://wiki.example.org/ai-policy", "sha256": "cd" * 32}
    organisation.change("ai-policy", version="2", link=link)
    entry = organisation.entry("ai-policy")
    assert (entry.state, entry.in_force.version) == ("draft", "1")
    organisation.approve("ai-policy", by="cy")
    entry = organisation.entry("ai-policy")
    assert (entry.state, entry.in_force.version) == ("approved", "2")
    assert [one.state for one in entry.versions] == ["superseded", "approved"]


def test_document_that_another_supersedes_is_in_force_until_that_is_approved(organisation):
    organisation.add("document")
    organisation.approve("ai-policy", by="cy")
    organisation.add("document", id="new-policy", supersedes=["ai-policy"])
    assert organisation.entry("ai-policy").state == "approved"
    organisation.approve("new-policy", by="cy")
    entry = organisation.entry("ai-policy")
    assert (entry.state, entry.superseded_by, entry.in_force) == ("superseded", "new-policy", None)


def test_withdrawn_document_is_not_in_force_and_takes_no_acknowledgement(organisation):
    organisation.add("document")
    organisation.approve("ai-policy", by="cy")
    organisation.close("ai-policy")
    entry = organisation.entry("ai-policy")
    assert (entry.state, entry.in_force) == ("withdrawn", None)
    with pytest.raises(GovernanceError, match="no version of document ai-policy is in force"):
        organisation.acknowledge("ai-policy", by="di")


def test_acknowledgement_is_of_the_version_that_was_read(organisation):
    organisation.add("document")
    with pytest.raises(GovernanceError, match="in force"):
        organisation.acknowledge("ai-policy", by="di")
    organisation.approve("ai-policy", by="cy")
    organisation.acknowledge("ai-policy", by="di")
    link = {"url": "https://wiki.example.org/ai-policy", "sha256": "cd" * 32}
    organisation.change("ai-policy", version="2", link=link)
    organisation.approve("ai-policy", by="cy")
    first, second = organisation.entry("ai-policy").versions
    assert set(first.acknowledgements) == {"di"}
    assert second.acknowledgements == {}
    organisation.add("risk")
    with pytest.raises(InputError, match="is no document"):
        organisation.acknowledge("R-1", by="di")


def test_refusal_needs_a_reason_and_takes_an_approval_away(organisation):
    organisation.add("document")
    organisation.approve("ai-policy", by="cy")
    with pytest.raises(GovernanceError, match="needs a reason"):
        organisation.approve("ai-policy", by="cy", verdict="reject", reason=" ")
    organisation.approve("ai-policy", by="cy", verdict="reject", reason="not yet")
    assert organisation.entry("ai-policy").state == "draft"


def test_role_that_was_handed_over_approves_and_one_taken_back_does_not(organisation):
    from aims_mlops.approvals.delegate import delegate

    project, store = organisation.project, organisation.store
    organisation.add("document")
    handed = {"giver": "cy", "to": "di", "days": 7, "reason": "holiday"}
    delegate(project, store, roles=("top-management",), **handed)
    organisation.approve("ai-policy", by="di")
    assert organisation.entry("ai-policy").approved_by == "di"
    delegate(project, store, roles=(), **handed)
    assert organisation.entry("ai-policy").state == "approved"
    organisation.add("document", id="policy-2")
    with pytest.raises(SeparationOfDutiesError, match="none of the roles"):
        organisation.approve("policy-2", by="di")


def test_one_person_alone_may_sign_where_aims_yaml_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    settings = "single_user: true\n" + SETTINGS.replace(
        "[developer,", "[top-management, developer,"
    )
    organisation = Organisation(tmp_path).set_up(settings)
    organisation.add("document")
    organisation.approve("ai-policy", by="ana")
    assert organisation.entry("ai-policy").state == "approved"
