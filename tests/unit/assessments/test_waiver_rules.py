"""Which waivers and delegations stand: every rule alone, on records made by hand."""

from datetime import timedelta

import pytest

from aims_mlops.approvals.delegation import delegated_roles
from aims_mlops.approvals.signed_records import KeyOwners
from aims_mlops.approvals.waiver import waivers_in_force, weigh_waivers
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.clock import stamp
from aims_mlops.inventory.declared.people import People
from aims_mlops.policy.grammar import WaiversAllowed
from aims_mlops.policy.key_rule import FIRST_USE, KeyRule

ALLOWED = WaiversAllowed(allowed=True, max_days=10, roles=("risk-owner",))
RULE = "performance.recall"


def waive(log, person="bo", *, days=10.0, actor=None, **said):
    body = {
        "rule": RULE,
        "model": log.binding.model,
        "reason": "few rows",
        "compensating_measure": "a nurse looks",
        "requester": "ana",
        "expires_at": stamp(log.then + timedelta(days=days, minutes=len(log.records))),
        **said,
    }
    return log.say(person, kind="waiver", actor=actor, **body)


def around(log, **changes):
    how = {"people": People(log.people), "target": "production", "policy": log.binding.policy}
    how |= {"key_rule": FIRST_USE, "now": log.then + timedelta(days=1)}
    return {**how, **changes}


def why(log, allowed=ALLOWED, **changes):
    dossier = Dossier.of(log.binding.model, None, log.records)
    return [reason for _, _, reason in weigh_waivers(dossier, allowed, **around(log, **changes))]


def test_waiver_by_another_person_with_the_role_stands(log):
    record = waive(log)
    assert why(log) == [None]
    dossier = Dossier.of(log.binding.model, None, log.records)
    (waiver,) = waivers_in_force(dossier, ALLOWED, **around(log)).values()
    assert (waiver.record, waiver.rule, waiver.approver) == (record.id, RULE, "bo")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"model": "f" * 64}, "it is for another model digest or target"),
        ({"target": "staging"}, "it is for another model digest or target"),
        ({"policy": "f" * 64}, "it was given under another policy"),
        ({"requester": "BO"}, "bo asked for it or trained the model"),
        ({"expires_at": "soon"}, "its expiry is no time"),
    ],
)
def test_waiver_of_something_else_does_not_stand(log, said, words):
    waive(log, **said)
    assert why(log) == [words]


def test_waiver_that_the_policy_does_not_allow_does_not_stand(log):
    waive(log)
    assert why(log, WaiversAllowed(allowed=False)) == ["the policy allows no waivers"]


def test_waiver_needs_a_person_with_the_role(log):
    waive(log, "ana", requester="cy")
    waive(log, "eve", requester="cy")
    assert why(log) == ["ana holds no role that may waive", "eve holds no role that may waive"]
    anybody = WaiversAllowed(allowed=True, max_days=10)
    assert why(log, anybody) == [None, "eve holds no role that may waive"]


def test_waiver_runs_to_the_very_second_and_no_longer_than_the_policy_allows(log):
    waive(log)
    end = log.then + timedelta(days=10)
    assert why(log, now=end - timedelta(seconds=1)) == [None]
    (expired,) = why(log, now=end)
    assert expired.startswith("it expired at ")
    minute = 1 / 24 / 60  # what a clock may be off
    waive(log, "cy", days=10 + minute)
    waive(log, "cy", days=10 + 1.01 * minute)
    assert why(log)[1:] == [None, "it runs longer than the 10 days of the policy"]


@pytest.mark.parametrize("field", ["rule", "reason", "compensating_measure", "requester"])
@pytest.mark.parametrize("value", ["", None, 7])
def test_waiver_that_lacks_a_word_is_none(log, field, value):
    waive(log, **{field: value})
    assert why(log) == []


def test_waiver_signed_with_a_key_that_is_not_enrolled_stands_unless_the_policy_asks(log):
    waive(log)
    dossier = Dossier.of(log.binding.model, None, log.records)
    assert RULE in waivers_in_force(dossier, ALLOWED, **around(log))
    listed = KeyRule(confirmed=False, listed=True)
    assert waivers_in_force(dossier, ALLOWED, **around(log, key_rule=listed)) == {}
    assert "asks for an enrolled key" in why(log, key_rule=listed)[0]
    assert "its key was never enrolled for bo" in why(log, key_rule=KeyRule())[0]


def hand(log, giver="bo", to="ana", roles=("risk-owner",), *, days=3.0, **said):
    until = stamp(log.then + timedelta(days=days))
    how = {"to": to, "roles": list(roles) if isinstance(roles, tuple) else roles}
    return log.say(giver, kind="delegation", **{**how, "valid_until": until, **said})


def lent(log, human="ana", **after):
    keys = KeyOwners.of(log.records, People(log.people), rule=FIRST_USE)
    return delegated_roles(human, log.records, keys, log.then + timedelta(**after))


def test_role_is_lent_from_the_moment_it_is_received_to_the_very_end(log):
    hand(log)
    assert lent(log, seconds=-1) == frozenset()
    assert lent(log) == {"risk-owner"}
    assert lent(log, days=3, seconds=-1) == {"risk-owner"}
    assert lent(log, days=3) == frozenset()


def test_role_is_lent_to_that_person_alone_and_only_by_whoever_holds_it(log):
    hand(log, roles=("risk-owner", "security"))
    assert lent(log, "cy", days=1) == frozenset()
    assert lent(log, days=1) == {"risk-owner"}  # bo has no role security
    hand(log, "cy", roles=("security",))
    assert lent(log, days=1) == {"risk-owner", "security"}


def test_newest_delegation_of_one_person_replaces_those_before(log):
    hand(log)
    hand(log, roles=())
    assert lent(log, days=1) == frozenset()


@pytest.mark.parametrize(
    "said", [{"roles": None}, {"roles": "risk-owner"}, {"valid_until": "always"}]
)
def test_delegation_that_can_not_be_read_lends_nothing_and_hides_no_other(log, said):
    hand(log, **said)
    hand(log, "cy")
    assert lent(log, days=1) == {"risk-owner"}
    assert lent(log, days=1, seconds=1) == {"risk-owner"}


def test_delegation_said_twice_does_not_undo_that_it_was_taken_back(log):
    first = hand(log)
    hand(log, roles=())
    log.records.append(first)
    assert lent(log, days=1) == frozenset()
    hand(log, "cy")  # what comes after the repeated words is read
    assert lent(log, days=1) == {"risk-owner"}
