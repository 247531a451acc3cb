"""The newest decision about a model as a SLSA Verification Summary Attestation. Pure.

An in-toto Statement that nobody has signed yet: a key of the organisation signs it. The decision
that it names is signed, in the log. Source: SLSA 1.1, verification_summary/v1.
"""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.visible import one_line

PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"


def verification_summary(view: ModelView, version: str) -> dict[str, Any]:
    """The statement as JSON values. Raises EvidenceNotFoundError where no decision is recorded.

    PASSED is an allowed decision and nothing else. It says what was decided then; whether it still
    holds is what `aims check-model` tells.
    """
    record = view.newest("decision")
    if record is None:
        raise EvidenceNotFoundError(
            "no decision of the gate about this model is recorded",
            next_step="aims gate MODEL --for TARGET",
        )
    decision = DecisionBody.of(record)
    passed = decision.allowed is True and decision.verdict == "allowed"
    predicate: dict[str, Any] = {
        "verifier": {
            "id": "https://github.com/aims-mlops/aims-mlops",
            "aims_log": view.position.named(),
        },
        "timeVerified": record.received_at,
        "resourceUri": f"urn:aims-mlops:model:{view.sha256}",
        "policy": {"uri": f"urn:aims-mlops:policy:{one_line(decision.policy_id or 'unknown')}"},
        "inputAttestations": [
            {"uri": f"urn:aims-mlops:record:{record.id}", "digest": {"sha256": record.id}}
        ],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": [] if not passed else [f"AIMS_GATE_{_word(decision.target)}"],
        "slsaVersion": "1.1",
    }
    if decision.policy is not None:
        predicate["policy"]["digest"] = {"sha256": decision.policy}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": one_line(view.card.title), "digest": {"sha256": view.sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate,
    }


def _word(target: str | None) -> str:
    letters = "".join(c if c.isascii() and c.isalnum() else "_" for c in target or "unknown")
    return letters.upper()
