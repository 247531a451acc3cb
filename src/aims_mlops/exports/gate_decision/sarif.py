"""A decision as SARIF 2.1.0, so that code scanning shows each reason beside the policy's rule.

Rules that are held are counted and give no result, for code scanning would show each as an alert.
Source: OASIS, Static Analysis Results Interchange Format 2.1.0 with errata 01.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from aims_mlops.exports.basis.identity import uuid_of
from aims_mlops.exports.gate_decision.outcome import Outcome, Why
from aims_mlops.visible import one_line

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {"minor": "warning", "major": "error"}


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """Where the policy lies: `path` from the top of the repository, {rule id: line from 1}."""

    path: str = "aims.yaml"
    lines: tuple[tuple[str, int], ...] = ()

    def line(self, rule: str) -> int:
        """The line of a rule; the first of the file for one that does not stand there."""
        return dict(self.lines).get(rule, 1)


def sarif(outcome: Outcome, policy: PolicyFile) -> dict[str, Any]:
    """The log as JSON values: one run, a result for each rule that is not held.

    A waived rule is a suppressed result. The level is the severity of the rule; what does not block
    is a note.
    """
    shown = [why for why in outcome.reasons if not why.passes]
    rules = sorted({why.rule: why for why in reversed(shown)}.items())
    index = {rule: place for place, (rule, _) in enumerate(rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "aims-mlops",
                "version": metadata.version("aims-mlops"),
                "informationUri": "https://github.com/aims-mlops/aims-mlops",
                "rules": [_rule(rule, why) for rule, why in rules],
            }
        },
        "automationDetails": {
            "id": f"aims-gate/{one_line(outcome.target)}/",
            "guid": uuid_of("sarif", *(str(v) for v in outcome.source.values()), outcome.at),
        },
        "invocations": [_invocation(outcome)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(outcome, why, index[why.rule], policy) for why in shown],
        "properties": {
            **{name: value for name, value in outcome.source.items() if value is not None},
            "verdict": outcome.verdict,
            "rulesHeld": sum(why.passes for why in outcome.reasons),
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: str, why: Why) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": rule,
        "shortDescription": {"text": one_line(f"{rule}: {why.limit}")},
        "help": {"text": one_line(why.next_step)},
        "defaultConfiguration": {"level": _LEVELS.get(why.severity, "error")},
    }
    if why.controls:
        found["properties"] = {"tags": [f"ISO/IEC 42001 {control}" for control in why.controls]}
    return found


def _result(outcome: Outcome, why: Why, index: int, policy: PolicyFile) -> dict[str, Any]:
    level = _LEVELS.get(why.severity, "error") if why.refuses or why.waived_by else "note"
    text = one_line(f"{outcome.model_uri} for {outcome.target}: {why.sentence}")
    if not why.refuses:
        text += f" ({why.not_refusing})"
    found: dict[str, Any] = {
        "ruleId": why.rule,
        "ruleIndex": index,
        "kind": "fail",  # also where it is open: a level stands beside no other kind
        "level": level,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": policy.path},
                    "region": {"startLine": policy.line(why.rule)},
                }
            }
        ],
        "partialFingerprints": {"aimsRuleOfModel/v1": _fingerprint(outcome, why)},
        "properties": {"outcome": why.outcome, "record": outcome.record},
    }
    if why.waived_by is not None:
        said = {"kind": "external", "status": "accepted", "justification": why.not_refusing}
        found["suppressions"] = [said]
    return found


def _fingerprint(outcome: Outcome, why: Why) -> str:
    """The same finding in the next build: rule, model and target, and no time."""
    parts = json.dumps([why.rule, outcome.model or outcome.model_uri, outcome.target])
    return hashlib.sha256(parts.encode()).hexdigest()


def _invocation(outcome: Outcome) -> dict[str, Any]:
    codes = {"allowed": 0, "refused": 1}
    found: dict[str, Any] = {
        "executionSuccessful": outcome.verdict in codes,
        "exitCode": codes.get(outcome.verdict, 2),
    }
    if outcome.at:
        found["endTimeUtc"] = outcome.at
    if outcome.notes:
        found["toolExecutionNotifications"] = [
            {"level": "note", "message": {"text": one_line(note)}} for note in outcome.notes
        ]
    return found
