"""Which approvals count: every rule alone, on records made by hand and really signed."""

from datetime import timedelta

import pytest

from aims_mlops.approvals.consent import Consent, Involved, is_agreed, roles_of, weigh_consent
from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.person import EnrolledKey, Person
from aims_mlops.policy.grammar import ApprovalsRequired
from aims_mlops.policy.key_rule import FIRST_USE, KeyRule

REQUIRED = ApprovalsRequired(roles=("risk-owner",))
INVOLVED = Involved(*(frozenset({"ana"}) for _ in range(4)))


def weigh(log, *, required=REQUIRED, involved=INVOLVED, people=None, now=None, **how):
    rule = KeyRule(listed=required.enrolled_keys_only)
    return weigh_consent(
        [*log.enrolments, *log.records],
        binding=log.binding,
        required=required,
        involved=involved,
        people=People(tuple(people or log.people)),
        single_user=how.pop("single_user", False),
        now=now or log.then + timedelta(days=1),
        reopened_at=how.pop("reopened_at", -1),
        key_rule=how.pop("key_rule", rule),
        **how,
    )


def why(log, **how):
    return [reason for _, reason in weigh(log, **how).refused]


def test_approval_by_somebody_else_counts(log):
    record = log.say("bo")
    found = weigh(log)
    assert (dict(found.counted), found.refused, found.rejected_by) == ({"bo": record}, (), ())


def test_record_that_does_not_say_approve_is_no_approval(log):
    log.say("bo", verdict="reject", kind="approval")
    assert why(log) == ["its record does not say 'approve'"]


def test_role_that_the_identity_provider_is_only_said_to_give_is_no_role(log):
    log.say("bo", role_sources={"risk-owner": "identity provider x"})
    log.say("cy", role_sources={"risk-owner": "aims.yaml"})
    assert why(log) == ["bo held none of the roles risk-owner when approving"]


@pytest.mark.parametrize(
    ("field", "name"),
    [("target", "target"), ("model", None), ("datasets", "datasets"), ("policy", "policy"),
     ("assessment", "assessment"), ("evidence_root", "evidence root")],
)  # fmt: skip
def test_approval_bound_to_something_else_does_not_count(log, field, name):
    log.say("bo", **{field: ["f" * 64] if field == "datasets" else "f" * 64})
    found = weigh(log)
    assert not found.counted
    # One of another model is not about this one at all.
    assert [w for _, w in found.refused] == ([f"it is bound to another {name}"] if name else [])


def test_strangers_and_service_accounts_do_not_count(log):
    log.say("eve", roles=["risk-owner"])
    log.say("self-bot")
    assert why(log) == [
        "'eve' is nobody that aims.yaml names under people",
        "self-bot is a service account; a person approves",
    ]


def test_account_of_the_same_human_is_that_human(log):
    log.say("bot", key="ana")
    assert why(log) == ["ana holds none of the roles risk-owner"]


def test_approval_before_an_incident_does_not_count_and_the_incident_itself_is_no_approval(log):
    record = log.say("bo")
    assert why(log, reopened_at=1) == ["an incident of the system was recorded since"]
    assert dict(weigh(log, reopened_at=0).counted) == {"bo": record}


def test_people_who_had_a_part_are_told_which(log):
    log.say("bo")
    both = Involved(trainer=frozenset({"bo"}), requester=frozenset({"bo"}))
    assert why(log, involved=both) == ["bo is the trainer and requester and may not also approve"]
    only = ApprovalsRequired(roles=("risk-owner",), not_by=("author",))
    assert why(log, involved=both, required=only) == []


@pytest.mark.parametrize("part", ["author", "submitter", "trainer"])
def test_stranger_with_a_part_could_be_the_approver(log, part):
    log.say("bo")
    stranger = Involved(**{part: frozenset({"anna"})})
    assert why(log, involved=stranger) == [
        f"the {part} 'anna' is nobody that aims.yaml names, so that it could be bo"
    ]


def test_stranger_who_asks_matters_only_where_the_policy_wants_to_know(log):
    log.say("bo")
    stranger = Involved(requester=frozenset({"ci"}))
    assert why(log, involved=stranger) == []
    known = ApprovalsRequired(roles=("risk-owner",), known_requester=True)
    assert "the requester 'ci' is nobody" in why(log, involved=stranger, required=known)[0]


def test_single_user_counts_only_where_the_policy_allows_it(log):
    log.say("bo")
    alone = Involved(author=frozenset({"bo"}))
    allow = ApprovalsRequired(roles=("risk-owner",), single_user="allow")
    assert why(log, involved=alone, single_user=True) != []
    assert why(log, involved=alone, required=allow) != []
    assert why(log, involved=alone, single_user=True, required=allow) == []


def test_revocation_takes_the_approval_back_until_the_next(log):
    log.say("bo")
    log.say("bo", "revoke")
    assert not weigh(log).counted
    again = log.say("bo")
    assert dict(weigh(log).counted) == {"bo": again}


def test_revocation_or_rejection_in_anothers_name_is_none(log):
    first = log.say("bo")
    log.say("bo", "revoke", actor="ana")
    log.say("bo", "reject", actor="ana", key="ana")
    found = weigh(log)
    assert (dict(found.counted), found.rejected_by) == ({"bo": first}, ())


def test_rejection_whose_signature_does_not_fit_is_none(log):
    first = log.say("bo")
    forged = log.say("bo", "reject")
    body = dict(forged.evidence.body) | {"reason": "changed afterwards"}
    object.__setattr__(forged.evidence, "body", body)
    found = weigh(log)
    assert (dict(found.counted), found.rejected_by) == ({"bo": first}, ())


def test_rejection_of_another_assessment_or_target_takes_back_and_does_not_stand(log):
    for said in ({"assessment": "f" * 64}, {"target": "staging"}):
        log.say("bo")
        log.say("bo", "reject", reason="no", **said)
        found = weigh(log)
        assert (dict(found.counted), found.rejected_by) == ({}, ())


def test_rejection_stands_until_the_same_person_approves(log):
    log.say("bo")
    log.say("cy", "reject", reason="unfair")
    found = weigh(log)
    assert (set(found.counted), found.rejected_by) == ({"bo"}, (("cy", "unfair"),))
    assert found.returned_by == frozenset()
    log.say("bo", "return", reason="say more")
    found = weigh(log)
    assert found.rejected_by == (("bo", "say more"), ("cy", "unfair"))
    assert found.returned_by == {"bo"}
    log.say("bo", "reject", reason="no")
    assert weigh(log).returned_by == frozenset()
    log.say("cy")
    assert weigh(log).rejected_by == (("bo", "no"),)
    log.say("bo")
    assert weigh(log).rejected_by == ()


def test_same_words_again_bring_nothing_back(log):
    record = log.say("bo")
    log.say("bo", "revoke")
    again = Record(sequence=9, id="9" * 64, key="", received_at=record.received_at,
                   evidence=record.evidence, envelope=b"", leaf=b"")  # fmt: skip
    log.records.append(again)
    found = weigh(log)
    assert not found.counted
    assert found.refused == ((again, "it repeats the signed words of an earlier record"),)


def test_approval_is_fresh_to_the_very_day(log):
    log.say("bo")
    end = log.then + timedelta(days=180)
    assert why(log, now=end) == []
    assert why(log, now=end + timedelta(seconds=1)) == ["it is 180 days old; the policy allows 180"]


def enrolled(log, **validity):
    key = EnrolledKey(public_key=log.signer("bo").public.hex(), **validity)
    return (*log.people[:1], Person(id="bo", roles=("risk-owner",), keys=(key,)), *log.people[2:])


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        ({"valid_from": 0, "valid_until": 0}, []),
        (
            {"valid_from": 1},
            ["it is signed with a key that was good only from "],
        ),
        (
            {"valid_until": -1},
            ["it is signed with a key that was good only until "],
        ),
    ],
)
def test_enrolled_key_is_good_to_the_very_second(log, validity, words):
    log.say("bo")
    times = {k: stamp(log.then + timedelta(seconds=s)) for k, s in validity.items()}
    found = why(log, people=enrolled(log, **times))
    assert [w.startswith(start) for w, start in zip(found, words, strict=True)] == [True] * len(
        words
    )


def test_key_that_is_not_enrolled_does_not_count(log):
    log.say("bo", key="other")
    assert why(log, people=enrolled(log)) == [
        "it is signed with a key that bo has not enrolled in aims.yaml"
    ]


def test_policy_may_ask_for_an_enrolled_key(log):
    log.say("bo")
    only = ApprovalsRequired(roles=("risk-owner",), enrolled_keys_only=True)
    assert why(log, required=only) == [
        "the policy asks for an enrolled key, and bo has none in aims.yaml"
    ]
    assert why(log, required=only, people=enrolled(log)) == []


def test_key_belongs_to_whoever_signed_with_it_first(log):
    log.say("ana", "reject")
    log.say("bo", key="ana")
    assert "its key was first used by ana" in why(log, key_rule=FIRST_USE)
    log.say("cy")
    log.say("cy", key="new")
    assert "it is signed with another key than cy signed with first" in why(log, key_rule=FIRST_USE)


def test_record_in_anothers_name_makes_no_key_theirs(log):
    log.say("bo", actor="ana", key="ana")
    log.say("bo")
    found = weigh(log, key_rule=FIRST_USE)
    assert set(found.counted) == {"bo"}
    assert [w for _, w in found.refused] == [
        "its record was written by somebody other than the approver"
    ]


def test_record_without_a_signature_belongs_to_nobody_and_stops_nothing(log):
    broken = log.say("bo")
    object.__setattr__(broken.evidence, "body", {"approver": "bo", "model": "a" * 64})
    log.say("bo")
    owners = KeyOwners.of(log.records, People(log.people), rule=FIRST_USE)
    assert owners.first_key == {"bo": log.signer("bo").public.hex()}
    assert owners.why_not(broken, "bo") == "consent has no public_key"


def test_enough_people_of_each_role_have_to_agree(log):
    people = People(log.people)
    loosely = {"key_rule": FIRST_USE, "involved": INVOLVED}
    two = ApprovalsRequired(count=2, roles=("risk-owner", "security"), each_role=True)

    def agreed(required):
        return is_agreed(weigh(log, required=required), required, log.records, people, **loosely)

    log.say("bo")
    assert (agreed(REQUIRED), agreed(two)) == (True, False)
    one = ApprovalsRequired(roles=("risk-owner", "security"), each_role=True)
    assert agreed(one) is False
    assert agreed(ApprovalsRequired(roles=("risk-owner", "security"))) is True
    log.say("cy")
    assert agreed(two) is True
    assert roles_of(weigh(log), log.records, people, **loosely) == {
        "bo": {"risk-owner"},
        "cy": {"risk-owner", "security"},
    }
    log.say("ana", "reject", reason="no")
    assert agreed(two) is False


def test_delegation_with_a_key_that_is_not_enrolled_gives_no_role_where_the_policy_asks(log):
    until = stamp(log.then + timedelta(days=3))
    log.say("cy", kind="delegation", to="ana", roles=["security"], valid_until=until)
    log.say("ana")
    people = People(log.people)
    counted = {"ana": log.records[-1]}
    found = Consent(counted, (), ())
    loose = roles_of(found, log.records, people, key_rule=FIRST_USE, involved=INVOLVED)
    assert loose == {"ana": {"developer", "security"}}
    listed = KeyRule(confirmed=False, listed=True)
    strict = roles_of(found, log.records, people, key_rule=listed, involved=INVOLVED)
    assert strict == {"ana": {"developer"}}
