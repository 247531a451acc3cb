"""Deciding and then setting the alias, with a record of what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Literal

from aims_mlops.dossier.query import resolve_model
from aims_mlops.errors import InputError
from aims_mlops.evidence.bodies.operation import NonconformityBody
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.gate import gate, open_broken_glass
from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.operations.nonconformity import BREAK_GLASS

Outcome = Literal["set", "not asked", "failed"]


@dataclass(frozen=True, slots=True)
class Promotion:
    """What came of it: `said` is the registry's answer in words, `record` the record's id."""

    decision: Decision
    alias: str
    outcome: Outcome
    said: str
    record: str | None = None

    @property
    def exit_code(self) -> int:
        """As for the decision; 3 if it was allowed and the registry then failed."""
        return 3 if self.outcome == "failed" else self.decision.exit_code

    def to_body(self) -> dict[str, Any]:
        """What `--json` prints: what came of it, and the decision."""
        return {
            "alias": self.alias,
            "outcome": self.outcome,
            "said": self.said,
            "record": self.record,
            "decision": {**self.decision.to_body(), "record": self.decision.record},
        }


def promote(
    model: str,
    *,
    alias: str,
    target: str | None = None,
    policy: Path | str | None = None,
    project: Project | None = None,
    requester: str | None = None,
    break_glass: str | None = None,
) -> Promotion:
    """Decide about a model and, if it is allowed, set the alias in its registry.

    target : without it, the one for which aims.yaml names the alias.
    Raises InputError if the alias means another target than the one given, or none at all.
    """
    project = project if project is not None else find_project()
    target = _target(project, alias, target)
    decision = gate(
        model,
        target=target,
        policy=policy,
        project=project,
        alias=alias,
        requester=requester,
        break_glass=break_glass,
        follow_up=False,
    )
    if not decision.allowed:
        return Promotion(decision, alias, "not asked", "the gate did not allow it")
    reference: ModelReference | None = None
    try:
        reference = resolve_model(model)
        outcome, said = _set(reference, decision, alias)
    except Exception as error:  # noqa: BLE001  a failed promotion is a record, not a crash
        outcome, said = "failed", f"{type(error).__name__}: {error}"
    request = decision.request
    if request is None:  # an allowed decision always has its request
        raise AssertionError("an allowed decision without a request")
    record = project.open_store().append(
        Evidence(
            kind="promotion",
            version=2,
            subjects=(request.model.subject,),
            body={
                "decision": decision.record,
                "alias": alias,
                "target": decision.target,
                "model_uri": model,
                "model": decision.model,
                "name": reference.name if reference else None,
                "version": reference.version if reference else None,
                "outcome": outcome,
                "said": said,
            },
            actor=requester or current_actor(project),
            claimed_at=now(),
            system=request.system.id if request.system else None,
        )
    )
    if outcome == "set" and decision.broke_glass:
        _follow_up(project, decision, requester or current_actor(project))
    return Promotion(decision, alias, outcome, said, record.id)


def _follow_up(project: Project, decision: Decision, actor: str) -> None:
    """Open what broken glass leaves behind, unless a gate inside the registry has opened it."""
    request, record = decision.request, decision.record
    if request is None or record is None:
        return
    store = project.open_store()
    since = store.get(record).sequence
    for known in store.find(kind="nonconformity", subject=decision.model, since=since):
        if NonconformityBody.of(known).what == BREAK_GLASS:
            return
    open_broken_glass(decision, request, store, record, actor)


def _set(reference: ModelReference, decision: Decision, alias: str) -> tuple[Outcome, str]:
    from aims_mlops.plugins import hooks

    if reference.sha256 != decision.model:
        return "failed", "the model behind the URI changed after the decision"
    said = hooks().set_model_alias(model=reference, alias=alias)
    if said is None:
        if reference.version is None:
            return "failed", (
                "it is a model of no registry, which has no aliases; once it runs somewhere: "
                f"aims deployment record {quote(reference.uri)} --for {decision.target} "
                "--where PLACE --rollback-plan TEXT"
            )
        return "failed", f"no plugin can set an alias for {reference.uri}: aims plugins"
    return "set", str(said)


def _target(project: Project, alias: str, target: str | None) -> str:
    meant = project.target_name(alias)
    is_known = meant in project.settings.targets
    if target is None:
        if not is_known:
            raise InputError(
                f"aims.yaml does not say which target the alias {alias!r} means",
                expected="the alias under targets, or --for TARGET",
                next_step="aims lint",
            )
        return meant
    if is_known and meant != project.target_name(target):
        raise InputError(
            f"the alias {alias!r} means another target",
            got=target,
            expected=meant,
            next_step=f"--for {meant}",
        )
    return target
