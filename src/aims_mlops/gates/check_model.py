"""May this model be used now: asked when it is deployed, and by whatever serves it.

Only content that a valid decision covers may be used (`gates.decision_validity`). Whatever
breaks on the way to that answer counts as refused: a store that is away, a policy that cannot be
read, a folder with a link in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from aims_mlops.dossier.query import resolve_model
from aims_mlops.errors import AimsError, ModelRefusedError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.gates.decision.decision import EXIT_CODES
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.gates.decision_validity import ValidDecision, valid_decision
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.visible import plain

FORMAT = "aims-model-check/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """What came of it; `undecided` counts as refused.

    model : as it was found, None if it was not.  standing : the decision, if the log was read.
    """

    verdict: Literal["allowed", "refused", "undecided"]
    model_uri: str
    target: str
    model: ModelReference | None = None
    standing: ValidDecision | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the model may be used."""
        return self.verdict == "allowed"

    @property
    def exit_code(self) -> int:
        """0 allowed, 1 refused, 2 could not be told."""
        return EXIT_CODES[self.verdict]

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.model_uri} for {self.target}"]
        for reason in self.reasons:
            lines.append(f"  {reason.rule}: {reason.observed}; needed: {reason.limit}")
            lines.append(f"    next: {reason.next_step}")
        return "\n".join(map(plain, lines))

    def to_body(self) -> dict[str, Any]:
        """As JSON values: `aims check-model --json`."""
        record = self.standing.record if self.standing else None
        return {
            "format": FORMAT,
            "verdict": self.verdict,
            "allowed": self.allowed,
            "model_uri": self.model_uri,
            "model": self.model.sha256 if self.model else None,
            "target": self.target,
            "decision": record.id if record else None,
            "decided_at": record.received_at if record else None,
            "reasons": [reason.to_body() for reason in self.reasons],
        }


def look_at_model(
    model: str | Path | ModelReference, *, target: str, project: Project | None = None
) -> ModelCheck:
    """Whether a model may be used for a target. Never raises: what breaks is `undecided`.

    model : a path, 'models:/…', 'runs:/…', 'sha256:…', or what one of these resolved to.
    """
    uri = model.uri if isinstance(model, ModelReference) else str(model)
    reference = model if isinstance(model, ModelReference) else None
    try:
        project = project if project is not None else find_project()
        target = project.target_name(target)
        reference = reference or resolve_model(uri)
        found = valid_decision(
            project.open_store(), reference, target, project=project, now=datetime.now(UTC)
        )
    except Exception as error:  # noqa: BLE001  serving code must not go on, whatever breaks
        return ModelCheck(
            verdict="undecided",
            model_uri=uri,
            target=target,
            model=reference,
            reasons=(_broken(error),),
        )
    return ModelCheck(
        verdict="allowed" if found.stands else "refused",
        model_uri=uri,
        target=target,
        model=reference,
        standing=found,
        reasons=found.reasons,
    )


def check_model(
    model: str | Path | ModelReference,
    target: str = "production",
    *,
    project: Project | None = None,
) -> ModelCheck:
    """The check of a model that may be used for a target; call it before the model is loaded.

    A path must be one that nobody else can write to between this call and the load. Raises
    ModelRefusedError, also if the evidence store cannot be reached.
    """
    check = look_at_model(model, target=target, project=project)
    if not check.allowed:
        raise ModelRefusedError(check)
    return check


def _broken(error: Exception) -> Reason:
    ours = isinstance(error, AimsError)
    step = error.next_step if isinstance(error, AimsError) else None
    return Reason(
        rule="check.could-be-made",
        outcome="error",
        observed=str(error) if ours else f"{type(error).__name__}: {error}",
        limit="a log that can be read, and a model whose files can be digested",
        next_step=step or "put right what is named, then ask again",
        severity="critical",
    )
