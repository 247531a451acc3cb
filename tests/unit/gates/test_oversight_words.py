"""What is open about a system, told in words: from findings alone."""

import pytest

from aims_mlops.gates.decision.operations import MISSED, check_oversight, notes_on
from aims_mlops.gates.open_findings import open_about
from aims_mlops.policy.policy import policy_from_content


def policy(**oversight):
    return policy_from_content({"id": "p", "approvals": {}, "oversight": oversight or None})


def finding(severity="major", what="limit", number=1):
    return {"what": what, "severity": severity, "reason": "r", "id": f"{number:064x}", "due": None}


def missed():
    return {"what": MISSED, "severity": "major", "reason": "r", "id": None, "due": None}


def told(findings, **oversight):
    return {r.rule: r.observed for r in check_oversight(policy(**oversight), findings)}


def test_five_are_named_and_the_others_counted():
    asked = {"nonconformities": "major", "missed_runs": "allow"}
    five = [finding(number=n) for n in range(5)]
    names = ", ".join(["limit (major, 00000000)"] * 5)
    assert told(five, **asked) == {"oversight.nonconformities": f"5 open: {names}"}
    assert told([*five, finding()], **asked) == {
        "oversight.nonconformities": f"6 open: {names} and 1 more"
    }


@pytest.mark.parametrize(
    ("asked", "found", "observed"),
    [
        ("major", ["minor"], "none"),
        ("major", ["minor", "major"], "1 open: limit (major, 00000000)"),
        ("minor", ["minor"], "1 open: limit (minor, 00000000)"),
        ("minor", [], "none"),
    ],
)
def test_nonconformity_counts_from_the_asked_severity_on(asked, found, observed):
    findings = [finding(severity) for severity in found]
    got = told(findings, nonconformities=asked, missed_runs="allow")
    assert got == {"oversight.nonconformities": observed}


def test_missed_run_and_nonconformity_are_two_things():
    asked = {"nonconformities": "minor", "missed_runs": "refuse"}
    assert told([missed(), finding(what=MISSED)], **asked) == {
        "oversight.nonconformities": f"1 open: {MISSED} (major, 00000000)",
        "oversight.monitoring-happened": f"1 open: {MISSED} (major)",
    }
    assert told([finding()], **asked)["oversight.monitoring-happened"] == "none"
    assert told([{**missed(), "what": "other"}], **asked)["oversight.monitoring-happened"] == "none"


def test_nobody_having_looked_refuses_and_asking_for_nothing_does_not():
    found = check_oversight(policy(nonconformities="minor", missed_runs="refuse"), None)
    assert [(r.outcome, r.refuses) for r in found] == [("error", True)] * 2
    assert check_oversight(policy(), None) == []
    assert list(notes_on(policy(), [finding()])) != []
    assert list(notes_on(policy(), [])) == list(notes_on(policy(), None)) == []
    assert list(notes_on(policy(nonconformities="minor"), [finding()])) == []


def test_what_the_policy_lets_pass_is_shown_beside_what_refuses():
    asked = policy(nonconformities="major", missed_runs="allow")
    found = [finding("major"), finding("minor", what="volume"), missed()]
    (note,) = notes_on(asked, found)
    assert note.endswith(f"2 open: volume (minor, 00000000), {MISSED} (major)")
    assert list(notes_on(policy(nonconformities="minor", missed_runs="refuse"), found)) == []


def test_nothing_is_open_about_no_system(world, log):
    assert open_about(world.store, world.project, None, log.then) == ()
