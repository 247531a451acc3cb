"""What runs where, what is watched there, and what went wrong."""

from __future__ import annotations

from typing import Annotated, Any

from aims_mlops.evidence.bodies.body import (
    Body,
    Count,
    Given,
    Later,
    Must,
    Number,
    Object,
    Objects,
    Texts,
    body_of,
    says,
)


@body_of("deployment")
class DeploymentBody(Body, frozen=True):
    """What runs where, and how it ended."""

    event: Must[
        Annotated[str, says(enum=["deployed", "failed", "rolled-back", "decommissioned"])]
    ] = None
    configuration: Object | None = None
    decision: str | None = None
    deployment: str | None = None
    error: str | None = None
    model: str | None = None
    model_uri: str | None = None
    reason: str | None = None
    rollback_plan: str | None = None
    rolled_back_to: str | None = None
    target: str | None = None
    where: str | None = None


@body_of("incident")
class IncidentBody(Body, frozen=True):
    """Something that happened, who was told, how it ended."""

    state: Must[str] = None
    affected: Count | None = None
    assessment: str | None = None
    groups: Given[Texts] = None
    incident: str | None = None
    note: str | None = None
    outcome: str | None = None
    severity: Given[str] = None
    step: Given[str] = None
    title: str | None = None
    told: Object | None = None


@body_of("inference-log")
class InferenceLogBody(Body, frozen=True):
    """What was logged of predictions in operation, what was dropped or lost."""

    event: Must[str] = None
    calls: Given[Count] = None
    columns: Given[Object] = None
    dropped: Given[
        Annotated[Object, says(additionalProperties={"type": "integer", "minimum": 0})]
    ] = None
    errors: Given[Object] = None
    failed_calls: Given[Count] = None
    files: Given[Annotated[Objects, says(items={"type": "object"})]] = None
    folder: Given[str] = None
    lost: Given[Count] = None
    model: str | None = None
    process: Given[str] = None
    rows: Given[Count] = None
    sample: Given[Number] = None
    sampled: Given[Count] = None
    since: str | None = None
    target: str | None = None
    until: str | None = None
    version: str | None = None
    waiting: Given[int] = None
    written: Given[Count] = None
    before: Later[str] = None
    model_uri: Later[str] = None
    reasons: Later[Objects] = None
    trouble: Later[Any] = None
    unknown: Later[Count] = None


@body_of("monitoring-run")
class MonitoringRunBody(Body, frozen=True):
    """A scheduled look at a system in operation."""

    monitor: Must[str] = None
    stage: Must[Annotated[str, says(enum=["data", "labels"])]] = None
    window: Must[
        Annotated[
            Object,
            says(
                required=["start", "end"],
                properties={"start": {"type": "string"}, "end": {"type": "string"}},
            ),
        ]
    ] = None
    outcome: Must[Annotated[str, says(enum=["measured", "no data", "failed"])]] = None
    checks: Given[Objects] = None
    due: Given[str] = None
    error: Object | None = None
    figures: Given[Objects] = None
    files: Given[Objects] = None
    findings: Given[
        Annotated[Objects, says(items={"type": "object", "required": ["what", "reason"]})]
    ] = None
    labels: Object | None = None
    late: Given[bool] = None
    limits: str | None = None
    listed: Given[Objects] = None
    measured: Given[Objects] = None
    plots: Given[Objects] = None
    reference: str | None = None
    repeated: Given[Objects] = None
    replaces: str | None = None
    rows: Count | None = None
    trend: Given[Objects] = None


@body_of("monitoring-schedule")
class MonitoringScheduleBody(Body, frozen=True):
    """A schedule of monitoring begun, changed or ended, with the reason."""

    event: Must[Annotated[str, says(enum=["begun", "changed", "ended"])]] = None
    monitor: Must[str] = None
    reason: Must[str] = None
    before: Object | None = None
    settings: Object | None = None


@body_of("nonconformity")
class NonconformityBody(Body, frozen=True):
    """Something found wrong, open until it is closed."""

    what: Must[str] = None
    state: Must[str] = None
    closed_by: str | None = None
    correction: str | None = None
    corrective_action: str | None = None
    decision: str | None = None
    due: str | None = None
    effect: str | None = None
    key: str | None = None
    next_step: str | None = None
    nonconformity: str | None = None
    occurrence: int | None = None
    owner: str | None = None
    reason: str | None = None
    requester: str | None = None
    root_cause: str | None = None
    severity: str | None = None
    step: str | None = None
    target: str | None = None


@body_of("notice")
class NoticeBody(Body, frozen=True):
    """Who was told of what was found wrong."""

    recipient: Must[str] = None
    about: Must[Texts] = None
    outcome: Must[Annotated[str, says(enum=["sent", "failed"])]] = None
    problem: str | None = None
    title: Given[str] = None


@body_of("override")
class OverrideBody(Body, frozen=True):
    """A person decided otherwise than the model."""

    request_id: Must[str] = None
    who: Must[str] = None
    at: Given[str] = None
    file: Given[Object] = None
    known: Given[bool] = None
    row: Given[Count] = None


@body_of("system-rename")
class SystemRenameBody(Body, frozen=True, rename={"from_": "from"}):
    """An AI system that has another id, with the reason."""

    from_: Must[str] = None
    to: Must[str] = None
    reason: Must[str] = None
