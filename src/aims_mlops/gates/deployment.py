"""Deployments: what content runs where, under which decision, and how it ended (A.6.2.5).

A deployment asks for the valid decision first and is refused without one. Later steps, a
roll-back and the end, name the record that began it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.errors import GovernanceError, InputError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.gates.check_model import ModelCheck, check_model
from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.inventory.renames import of_system
from aims_mlops.operations import lifecycle
from aims_mlops.operations.lifecycle import sentence

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

KIND = "deployment"
Event = Literal["deployed", "failed", "rolled-back", "decommissioned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What runs, or ran, somewhere.

    state : the last event.  decision : id of the decision it stands on.
    configuration : `name` and `sha256` of the file, or None.  rolled_back_to : a model's digest.
    """

    begun: Record
    state: str
    target: str
    where: str
    model: str
    model_uri: str
    decision: str | None
    configuration: Mapping[str, str] | None
    rollback_plan: str | None
    reason: str | None = None
    rolled_back_to: str | None = None
    steps: tuple[Record, ...] = ()

    @property
    def id(self) -> str:
        """The id of the record that opened it."""
        return self.begun.id

    @property
    def runs(self) -> bool:
        """Whether it is still in place."""
        return self.state == "deployed"

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        return {
            "id": self.id,
            "state": self.state,
            "system": self.begun.evidence.system,
            "target": self.target,
            "where": self.where,
            "model": self.model,
            "model_uri": self.model_uri,
            "decision": self.decision,
            "configuration": self.configuration,
            "rollback_plan": self.rollback_plan,
            "by": self.begun.evidence.actor,
            "at": self.begun.received_at,
            "reason": self.reason,
            "rolled_back_to": self.rolled_back_to,
            "steps": [record.id for record in self.steps],
        }


def record_deployment(
    model: str | Path | ModelReference,
    *,
    target: str,
    where: str,
    system: str | None = None,
    configuration: Path | None = None,
    rollback_plan: str | None = None,
    project: Project | None = None,
    check: ModelCheck | None = None,
    failed: str | None = None,
) -> Record:
    """Record that a model runs somewhere, if a valid decision allows exactly this content.

    where : such as the name of a cluster or a host.  configuration : a file; its digest is kept.
    check : what `check_model` said before, so that it is not asked twice.  failed : the type of
    error that ended the deployment.
    Raises ModelRefusedError without a valid decision, InputError for words that are missing.
    """
    project = project if project is not None else find_project()
    if not where.strip():
        raise InputError("a deployment says where", expected="such as the name of a cluster")
    checked = check if check is not None else check_model(model, target, project=project)
    assert checked.model is not None
    assert checked.standing is not None
    decided = checked.standing.record
    of_decision = decided.evidence.system if decided is not None else None
    if system is not None and of_decision is not None and system != of_decision:
        raise InputError(
            "the decision is about another AI system", got=system, expected=of_decision
        )
    body: dict[str, Any] = {
        "event": "failed" if failed else "deployed",
        "target": checked.target,
        "where": where.strip(),
        "model": checked.model.sha256,
        "model_uri": checked.model_uri,
        "decision": decided.id if decided is not None else None,
        "configuration": _configuration(configuration),
        "rollback_plan": rollback_plan,
    }
    if failed:
        body["error"] = failed
    return project.open_store().append(
        Evidence(
            kind=KIND,
            subjects=(checked.model.subject,),
            body=body,
            actor=current_actor(project),
            claimed_at=now(),
            system=of_decision or system,
        )
    )


def roll_back(
    deployment: Deployment,
    *,
    reason: str,
    to: str | Path | None = None,
    project: Project | None = None,
) -> Record:
    """Record that a deployment was taken back, to another model or to none.

    to : the model that runs instead; it needs a valid decision too, and is then a deployment of
    its own. Raises ModelRefusedError for one without, GovernanceError for what no longer runs.
    """
    project = project if project is not None else find_project()
    _require_running(deployment)
    said: dict[str, Any] = {"reason": sentence("the reason", reason), "rolled_back_to": None}
    if to is None:
        return _end(deployment, "rolled-back", said, project)
    check = check_model(to, deployment.target, project=project)
    assert check.model is not None
    said["rolled_back_to"] = check.model.sha256
    ended = _end(deployment, "rolled-back", said, project)
    record_deployment(
        to,
        target=deployment.target,
        where=deployment.where,
        rollback_plan=deployment.rollback_plan,
        project=project,
        check=check,
    )
    return ended


def decommission(deployment: Deployment, *, reason: str, project: Project | None = None) -> Record:
    """Record that a model no longer runs there and nothing runs instead."""
    project = project if project is not None else find_project()
    _require_running(deployment)
    return _end(deployment, "decommissioned", {"reason": sentence("the reason", reason)}, project)


def deployments(store: EvidenceStore, *, system: str | None = None) -> list[Deployment]:
    """Every deployment of the log as it stands, oldest first."""
    return fold(of_system(store, system, KIND))


def find_deployment(store: EvidenceStore, id_: str) -> Deployment:
    """The one with this id or unique prefix; raises EvidenceNotFoundError."""
    return lifecycle.find(store, id_, KIND, deployments(store))


def fold(records: Iterable[Record]) -> list[Deployment]:
    """What the records say, in the order of the log.

    A new deployment to the same place and target ends the one before, as it does in fact.
    """
    found: dict[str, Deployment] = {}
    for record in records:
        if record.evidence.kind != KIND:
            continue
        lifecycle.take(found, record, opened=_begun, after=_after)
        new = found.get(record.id)
        if new is None or not new.runs:
            continue
        for id_, old in found.items():
            if id_ != record.id and old.runs and _place(old) == _place(new):
                found[id_] = replace(old, state="replaced", steps=(*old.steps, record))
    return list(found.values())


def _place(deployment: Deployment) -> tuple[str, str, str | None]:
    return deployment.where, deployment.target, deployment.begun.evidence.system


def _after(before: Deployment, record: Record) -> Deployment:
    body = record.evidence.body
    return replace(
        before,
        state=str(body.get("event")),
        reason=body.get("reason"),
        rolled_back_to=body.get("rolled_back_to"),
        steps=(*before.steps, record),
    )


def _begun(record: Record) -> Deployment:
    body = record.evidence.body
    configuration = body.get("configuration")
    return Deployment(
        begun=record,
        state=str(body.get("event")),
        target=str(body.get("target")),
        where=str(body.get("where")),
        model=str(body.get("model")),
        model_uri=str(body.get("model_uri")),
        decision=body.get("decision"),
        configuration=configuration if isinstance(configuration, Mapping) else None,
        rollback_plan=body.get("rollback_plan"),
        steps=(record,),
    )


def _end(deployment: Deployment, event: Event, said: dict[str, Any], project: Project) -> Record:
    body = {"event": event, "target": deployment.target, **said}
    store, actor = project.open_store(), current_actor(project)
    return lifecycle.carry_on(store, deployment, body, actor=actor, now=datetime.now(UTC))


def _require_running(deployment: Deployment) -> None:
    if not deployment.runs:
        raise GovernanceError(
            f"deployment {deployment.id[:12]} no longer runs",
            got=deployment.state,
            next_step="aims deployment list",
        )


def _configuration(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the configuration {path} cannot be read", got=error.strerror or str(error)
        ) from error
    return {"name": path.name, "sha256": hashlib.sha256(content).hexdigest()}
