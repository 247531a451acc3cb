"""What may set a reason to refuse aside, and what never does: break-glass and waivers alone."""

import pytest

from aims_mlops.approvals.waiver import Waiver
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.gates.decision.break_glass import broken
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.gates.decision.waiving import waived
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.person import Person
from aims_mlops.policy.policy import policy_from_content

PEOPLE = People((Person(id="cy", roles=("security",), also_known_as=("cy@example.org",)),))
MODEL = ModelReference(uri="sha256:" + "a" * 64, sha256="a" * 64)


def policy(**content):
    return policy_from_content({"id": "p", **content})


GLASS = policy(break_glass={"allowed": True, "roles": ["security"]})


def reason(rule, outcome="fail", **how):
    return Reason(rule=rule, outcome=outcome, observed="o", limit="l", next_step="n", **how)


def request(words, requester="cy"):
    return PromotionRequest(
        model=MODEL, target="production", requester=requester, people=PEOPLE, break_glass=words
    )


def test_reason_refuses_unless_it_passed_or_does_not_block_or_is_set_aside():
    assert reason("a.b").refuses
    assert reason("a.b", "missing").refuses
    assert not reason("a.b", "pass").refuses
    assert not reason("a.b", blocking=False).refuses
    assert not reason("a.b", waived_by="w").refuses
    assert not reason("a.b", tolerated=True).refuses
    body = reason("a.b", controls=("A.5.2",)).to_body()
    assert (body["refuses"], body["controls"], body["rule"]) == (True, ["A.5.2"], "a.b")
    assert (body["waived_by"], body["tolerated"], body["blocking"]) == (None, False, True)


def test_glass_that_nobody_breaks_changes_nothing():
    reasons = [reason("approvals.count")]
    assert broken(reasons, request(None), GLASS) == (reasons, False)


def test_glass_sets_missing_consent_aside_and_nothing_else():
    reasons = [
        reason("approvals.count"),
        reason("approvals.role-security", "missing"),
        reason("assessment.submitted", "missing"),
        reason("approvals.no-rejection"),
        reason("performance.recall"),
        reason("evidence.run", "missing"),
        reason("plugin.freeze.window"),
        reason("approvals.x", "pass"),
    ]
    found, used = broken(reasons, request("fraud wave"), GLASS)
    assert used is True
    assert [r.rule for r in found] == [r.rule for r in reasons]
    assert {r.rule for r in found if r.waived_by == "break-glass"} == {
        "approvals.count",
        "approvals.role-security",
        "assessment.submitted",
    }
    assert {r.rule for r in found if r.refuses} == {
        "approvals.no-rejection",
        "performance.recall",
        "evidence.run",
        "plugin.freeze.window",
    }


def test_glass_with_nothing_to_set_aside_was_not_broken():
    reasons = [reason("approvals.count", "pass"), reason("performance.recall")]
    assert broken(reasons, request("fraud wave"), GLASS) == (reasons, False)


@pytest.mark.parametrize(
    ("rules", "words", "requester", "observed", "step"),
    [
        (policy(), "why", "cy", "the policy has no break-glass", "get the approvals"),
        (GLASS, " ", "cy", "no reason was given", "--break-glass REASON"),
        (GLASS, "", "cy", "no reason was given", "--break-glass REASON"),
        (
            GLASS,
            "why",
            "dee",
            "dee holds none of the roles security",
            "ask somebody with the role security",
        ),
    ],
)
def test_glass_that_may_not_be_broken_is_a_reason_to_refuse(
    rules, words, requester, observed, step
):
    reasons = [reason("approvals.count")]
    found, used = broken(reasons, request(words, requester), rules)
    assert used is False
    assert found[0] == reasons[0]
    assert (found[1].rule, found[1].outcome) == ("break-glass.is-allowed", "fail")
    assert (found[1].observed, found[1].next_step) == (observed, step)
    assert found[1].refuses
    assert found[1].severity == "critical"


@pytest.mark.parametrize("requester", ["cy", "CY@Example.org"])
def test_glass_is_broken_by_a_person_with_the_role_or_by_anybody_where_none_is_named(requester):
    reasons = [reason("approvals.count")]
    assert broken(reasons, request("why", requester), GLASS)[1] is True
    anybody = policy(break_glass={"allowed": True})
    assert broken(reasons, request("why", "dee"), anybody)[1] is True


RULES = policy(
    requires=[{"id": "evidence.card", "kind": "model-card"}],
    rules=[{"id": "performance.recall", "measure": "recall_score", "min": 0.6},
           {"id": "fairness.gap", "measure": "gap", "max": 0.1}],
    waivers={"allowed": True, "never": ["fairness.*"]},
)  # fmt: skip


def waiver(rule):
    said = dict.fromkeys(("reason", "compensating_measure", "expires_at"), "said")
    about = {"model": "a" * 64, "target": "production", "requester": "dee", "approver": "cy"}
    return Waiver(record="w" * 64, rule=rule, **about, **said)


@pytest.mark.parametrize("rule", ["evidence.card", "performance.recall"])
@pytest.mark.parametrize("outcome", ["fail", "missing", "stale", "insufficient"])
def test_waiver_sets_its_rule_aside(rule, outcome):
    found = waived(reason(rule, outcome), RULES, {rule: waiver(rule)})
    assert found.waived_by == "w" * 64


@pytest.mark.parametrize(
    ("rule", "outcome", "waives"),
    [
        ("performance.recall", "pass", "performance.recall"),
        ("performance.recall", "error", "performance.recall"),
        ("performance.recall", "fail", "evidence.card"),
        ("fairness.gap", "fail", "fairness.gap"),
        ("approvals.count", "fail", "approvals.count"),
        ("plugin.freeze.window", "fail", "plugin.freeze.window"),
    ],
)
def test_waiver_of_what_can_not_be_waived_changes_nothing(rule, outcome, waives):
    before = reason(rule, outcome)
    assert waived(before, RULES, {waives: waiver(waives)}) == before


def test_decision_says_what_it_is_and_why():
    def decided(verdict, *reasons):
        return Decision(verdict=verdict, target="production", model="a" * 64, model_uri="m",
                        at="t", reasons=reasons)  # fmt: skip

    allowed = decided("allowed", reason("a.b", "pass"))
    refused = decided("refused", reason("a.b"), reason("c.d", "pass"))
    undecided = decided("undecided", reason("e.f", "error"))
    assert [d.allowed for d in (allowed, refused, undecided)] == [True, False, False]
    assert [d.exit_code for d in (allowed, refused, undecided)] == [0, 1, 2]
    assert repr(allowed) == "<Decision allowed: m for production>"
    assert repr(refused) == "<Decision refused: m for production (a.b)>"
    assert str(allowed) == "allowed: m for production"
    assert str(refused) == ("refused: m for production\n  a.b: o; limit: l\n    next: n")
    assert refused.refusals == (reason("a.b"),)
    body = refused.to_body()
    assert (body["attempts"], body["broke_glass"], body["bound"]) == (0, False, None)
    assert (body["checkpoint"], body["enforced_by"], body["request"]) == (None, None, None)
