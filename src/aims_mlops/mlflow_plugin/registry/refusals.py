"""A refusal as MLflow's clients and its web page show it: 403, in plain words, with next steps."""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import AimsError
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.reason import Reason


def refusal(what: str, decision: Decision) -> Exception:
    """The exception for a promotion that the gate did not allow.

    The message names everything that is missing; `aims` in the JSON says the same for programs.
    """
    head = (
        "could not be decided, so it is refused" if decision.verdict == "undecided" else "refused"
    )
    lines = [f"{what}: {head}. Nothing was changed."]
    lines += [_line(number, reason) for number, reason in enumerate(decision.refusals, 1)]
    if decision.record is not None:
        lines.append(f"Decision: aims evidence show {decision.record[:16]}")
    return _denied(
        "\n".join(lines),
        verdict=decision.verdict,
        target=decision.target,
        model=decision.model or None,
        model_uri=decision.model_uri,
        decision=decision.record,
        reasons=[reason.to_body() for reason in decision.refusals],
    )


def forbidden(what: str, why: str, next_step: str, *, rule: str) -> Exception:
    """The exception for a write that no decision can allow."""
    reason = Reason(
        rule=rule,
        outcome="fail",
        observed=what,
        limit=why,
        next_step=next_step,
        severity="critical",
    )
    return _denied(
        f"{what}: refused. Nothing was changed.\n{why}. Next: {next_step}",
        verdict="refused",
        reasons=[reason.to_body()],
    )


def broken(what: str, error: Exception) -> Exception:
    """The exception for a gate that failed: it counts as refused and never as a server error."""
    observed = str(error) or type(error).__name__
    next_step = getattr(error, "next_step", None)
    if isinstance(error, AimsError) and next_step is not None:
        observed = observed.removesuffix(f". Next: {next_step}")
    next_step = next_step or "put this right on the server, then ask again"
    reason = Reason(
        rule="gate.could-decide",
        outcome="error",
        observed=observed,
        limit="a decision",
        next_step=next_step,
        severity="critical",
    )
    return _denied(
        f"{what}: could not be decided, so it is refused. Nothing was changed.\n{_line(1, reason)}",
        verdict="undecided",
        reasons=[reason.to_body()],
    )


def _line(number: int, reason: Reason) -> str:
    return (
        f"{number}. {reason.rule}: {reason.observed}; needed: {reason.limit}. "
        f"Next: {reason.next_step}"
    )


def _denied(message: str, **aims: Any) -> Exception:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    denied: Exception = MlflowException(message, error_code=PERMISSION_DENIED, aims=aims)
    return denied
