"""The gate with the world around it: resolves, gathers, asks plugins, decides, records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.approvals.idp_roles import proved_people
from aims_mlops.dossier.declarations import declare_policy, declare_system
from aims_mlops.dossier.dossier import evidence_root
from aims_mlops.dossier.query import (
    gather,
    resolve_model,
    system_of,
    with_assessed,
)
from aims_mlops.errors import AimsError, GateUndecidedError, LogChangedError, StoreError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import signed
from aims_mlops.gates.atomic_promotion import TRIES, AtomicPromotion, Write
from aims_mlops.gates.decision.break_glass import asked_before
from aims_mlops.gates.decision.decide import decide
from aims_mlops.gates.decision.decision import Decision
from aims_mlops.gates.decision.reason import Objection, Reason
from aims_mlops.gates.decision.request import PromotionRequest
from aims_mlops.gates.open_findings import open_about
from aims_mlops.gates.rollback import back_to_valid
from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.policy.loading import load_policy
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


def gate(
    model: str | ModelReference,
    *,
    target: str,
    policy: Policy | Path | str | None = None,
    project: Project | None = None,
    record: bool = True,
    alias: str | None = None,
    requester: str | None = None,
    enforced_by: str | None = None,
    break_glass: str | None = None,
    write: Write | None = None,
    follow_up: bool = True,
) -> Decision:
    """Decide whether a model may be promoted. Never raises: what breaks is 'could not decide'.

    Parameters
    ----------
    model : URI such as 'models:/diabetes-risk/2', a path, 'sha256:…', or what it resolves to.
    target : such as 'production', or an alias that aims.yaml says means it.
    policy : a file or a pack's name; without it, the one that aims.yaml names for the target.
    record : whether the decision becomes evidence.
    requester : identity of whoever asks; the current actor without it.
    enforced_by : what keeps the alias from being set past this decision.
    write : done if the decision allows it, with nothing able to come between the two. If it fails,
        or the log keeps changing, the answer is 'could not decide'.
    follow_up : whether broken glass opens a nonconformity now; whoever carries the decision out
        can open it when that has happened.
    """
    uri = model if isinstance(model, str) else model.uri
    asked = _Asked(uri=uri, target=target)
    try:
        project = project if project is not None else find_project()
        asked.target = target = project.target_name(target)
        asked.actor = requester or current_actor(project)
        rules = _policy(policy, target, project)
        reference = resolve_model(model) if isinstance(model, str) else model
        asked.model = reference
        asked.store = store = signed(project.open_store())
        system = system_of(project, store, reference)
        if record:
            declare_policy(store, rules, actor=asked.actor)
            if system is not None:
                declare_system(store, system, actor=asked.actor)
        for _ in range(TRIES):
            status = store.status()
            dossier = gather(store, reference.sha256, system.id if system else None)
            dossier = with_assessed(store, dossier, rules)
            request = PromotionRequest(
                model=reference,
                target=target,
                requester=asked.actor,
                system=system,
                alias=alias,
                people=proved_people(project, store, dossier),
                single_user=project.settings.single_user,
                checkpoint=f"{status.size} {status.root}",
                evidence_digest=evidence_root(dossier.records),
                break_glass=break_glass,
                oversight=open_about(store, project, system, datetime.now(UTC)),
            )
            if enforced_by is not None:
                request = replace(request, enforced_by=enforced_by)
            request = replace(request, objections=tuple(_objections(request)))
            decision = decide(request, rules, dossier.records, datetime.now(UTC))
            if write is not None and break_glass is None and not decision.allowed:
                decision = _with_broken_glass(decision, request, rules, dossier.records)
            back = back_to_valid(decision, store, project, rules, dossier)
            if back is not None:
                decision = back
            if not record:
                return decision
            if back is not None:
                with suppress(LogChangedError):
                    if write is not None:
                        AtomicPromotion(
                            store, status.size, system.id if system else None, write
                        ).hold()
                    return decision
                continue
            append: Callable[[Evidence], Record] = store.append
            if decision.allowed:
                then = write if write is not None else _nothing
                append = AtomicPromotion(
                    store, status.size, system.id if system else None, then
                ).append
            with suppress(LogChangedError):  # then the log is read again
                actor = decision.request.requester if decision.request else asked.actor
                return _recorded(decision, store, reference, actor, append, follow_up=follow_up)
        raise GateUndecidedError(
            "the log kept changing while the gate decided",
            got=f"{TRIES} tries",
            next_step="ask again",
        )
    except Exception as error:  # noqa: BLE001  the gate fails closed, whatever breaks
        return _undecided(error, asked, record=record)


def _nothing() -> None:
    """What follows a decision that is only recorded: by an old log none is."""


def _with_broken_glass(
    decision: Decision, request: PromotionRequest, rules: Policy, records: Sequence[Record]
) -> Decision:
    """The decision for whoever broke the glass for this very promotion just now, if it allows."""
    now = datetime.now(UTC)
    asked = asked_before(records, request, now)
    if asked is None:
        return decision
    again = decide(asked, rules, records, now)
    return again if again.allowed else decision


class _Asked:
    """What is known so far, for the record of a decision that could not be made."""

    def __init__(self, *, uri: str, target: str) -> None:
        self.uri = uri
        self.target = target
        self.actor = "unknown"
        self.model: ModelReference | None = None
        self.store: EvidenceStore | None = None


def _policy(policy: Policy | Path | str | None, target: str, project: Project) -> Policy:
    if isinstance(policy, Policy):
        return policy
    source = policy if policy is not None else project.policy_source(target)
    if source is None:
        raise GateUndecidedError(
            f"no policy decides about the target {target!r}",
            got="targets " + (", ".join(project.settings.targets) or "none"),
            next_step="name it under targets in aims.yaml, or give --policy FILE",
        )
    return load_policy(source)


def _objections(request: PromotionRequest) -> Iterable[Objection]:
    """Every plugin's objections; a plugin that fails objects by failing."""
    from aims_mlops.plugins import manager

    for implementation in manager().hook.before_promotion_decided.get_hookimpls():
        name = str(implementation.plugin_name)
        try:
            arguments = {"request": request} if "request" in implementation.argnames else {}
            found: Any = implementation.function(**arguments)
            for objection in found or ():
                yield replace(objection, plugin=name)
        except Exception as error:  # noqa: BLE001  one plugin must not silence another
            yield Objection(
                rule="failed",
                observed=f"the plugin raised {type(error).__name__}",
                limit="an answer from every plugin",
                next_step=f"repair or remove the plugin {name}: aims plugins",
                severity="critical",
                plugin=name,
            )


def _undecided(error: Exception, asked: _Asked, *, record: bool) -> Decision:
    if isinstance(error, AimsError):
        observed = str(error)
        next_step = error.next_step or "put right what is named above, then ask again"
    else:
        observed = f"{type(error).__name__}: {error}"
        next_step = "ask again; if it stays, report it as a defect of the gate"
    decision = Decision(
        verdict="undecided",
        target=asked.target,
        model=asked.model.sha256 if asked.model else "",
        model_uri=asked.uri,
        at=stamp(datetime.now(UTC)),
        reasons=(
            Reason(
                rule="gate.could-decide",
                outcome="error",
                observed=observed,
                limit="a decision",
                next_step=next_step,
                severity="critical",
            ),
        ),
    )
    if not record or asked.store is None or isinstance(error, StoreError):
        # A store that just failed is not asked again: the answer must not wait twice.
        return decision
    try:
        return _recorded(decision, asked.store, asked.model, asked.actor, asked.store.append)
    except Exception as second:  # noqa: BLE001  the answer stands, recorded or not
        note = f"this answer could not be recorded: {type(second).__name__}"
        return replace(decision, notes=(*decision.notes, note))


def _recorded(
    decision: Decision,
    store: EvidenceStore,
    model: ModelReference | None,
    actor: str,
    append: Callable[[Evidence], Record],
    *,
    follow_up: bool = True,
) -> Decision:
    subjects = [model.subject] if model else [Subject.of_name(f"model-uri:{decision.model_uri}")]
    if decision.policy is not None:
        subjects.append(Subject(f"policy:{decision.policy_id}", decision.policy))
    request = decision.request
    if request is not None:
        store.put_blob(request.people.to_json(), media_type="application/json")
    record = append(
        Evidence(
            kind="decision",
            subjects=tuple(subjects),
            body=decision.to_body(),
            actor=actor,
            claimed_at=decision.at,
            system=request.system.id if request and request.system else None,
        )
    )
    # Glass broken in vain, because something else refuses, leaves nothing to be made good.
    if request is not None and decision.broke_glass and decision.allowed and follow_up:
        open_broken_glass(decision, request, store, record.id, actor)
    return replace(decision, record=record.id)


def open_broken_glass(
    decision: Decision,
    request: PromotionRequest,
    store: EvidenceStore,
    record: str,
    actor: str,
) -> None:
    """Open the nonconformity that a second person has to close. record : id of the decision."""
    store.append(
        Evidence(
            kind="nonconformity",
            subjects=(request.model.subject,),
            body={
                "what": "break-glass",
                "state": "open",
                "decision": record,
                "target": decision.target,
                "reason": request.break_glass,
                "requester": request.requester,
                "closed_by": "an approval by a second person and a decision without break-glass",
            },
            actor=actor,
            claimed_at=decision.at,
            system=request.system.id if request.system else None,
        )
    )
