"""A model version: its card, what the gate would say now, its evidence, digests and files."""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import AimsError, EvidenceNotFoundError
from aims_mlops.evidence.bodies.data import ModelBody
from aims_mlops.evidence.kind_spec import Theme
from aims_mlops.evidence.kinds import CARD_BY_SYSTEM_KINDS, USE_KINDS, kinds_with
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Record
from aims_mlops.gates.gate import gate
from aims_mlops.operations.in_use import in_use
from aims_mlops.report.card import page as card_page
from aims_mlops.report.card.card import ModelCard, write_card
from aims_mlops.web.pages.reading import Reading, briefs
from aims_mlops.web.render.environment import address

_DECISIONS = 20
# What is said of a model itself; of its operation there may be a record for every hour.
_ABOUT = kinds_with(lambda spec: spec.theme is not Theme.OPERATION)


def model_of(reading: Reading) -> tuple[ModelReference, list[Record]]:
    """The model of the address as the log knows it, and every record that names its content.

    Raises EvidenceNotFoundError where the log has no record of it that the viewer may see.
    """
    digest = reading.path["model"]
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise EvidenceNotFoundError("not the digest of a model", got=digest[:64])
    records = list(reading.find(subject=digest, kind=_ABOUT))
    bodies = [ModelBody.of(r) for r in records if r.evidence.kind == "model"]
    if not records:
        raise EvidenceNotFoundError("no model of this content that you may see", got=digest[:12])
    name = version = None
    for body in bodies:
        registered = body.registered or {}
        if registered.get("version") is not None:
            name, version = str(registered.get("name")), str(registered["version"])
    if name is None and bodies:
        known = str(bodies[-1].name or "")
        name = known if known and ":" not in known else None
    uri = f"models:/{name}/{version}" if version is not None else f"sha256:{digest}"
    return ModelReference(uri=uri, sha256=digest, name=name, version=version), records


def card_of(reading: Reading, reference: ModelReference, records: list[Record]) -> ModelCard:
    """The card of a model from what the viewer may see."""
    found = {record.id: record for record in records}
    for run in {r.evidence.run for r in records if r.evidence.kind == "model"} - {None}:
        found.update((record.id, record) for record in reading.find(run=run))
    systems = {r.evidence.system for r in records} - {None}
    for system in systems:
        of_system = reading.find(kind=CARD_BY_SYSTEM_KINDS, system=system)
        found.update((record.id, record) for record in of_system)
    declared = next((s for id_ in systems if (s := reading.project.system(str(id_)))), None)
    return write_card(
        reference,
        [*found.values(), *reading.find(kind="anchor")],
        reading.now,
        declared=declared.model_dump(mode="json") if declared else None,
        log=reading.store.status(),
        single_user=reading.project.settings.single_user,
    )


def model(reading: Reading) -> dict[str, Any]:
    """One model by the digest of its content."""
    reference, records = model_of(reading)
    bodies = [(r, ModelBody.of(r)) for r in records if r.evidence.kind == "model"]
    newest = bodies[-1] if bodies else None
    system = next((r.evidence.system for r in reversed(records) if r.evidence.system), None)
    target = reading.asked("for") or next(iter(reading.project.settings.targets), "production")
    card = card_page.as_json(card_of(reading, reference, records))
    return {
        "model": reference.sha256,
        "uri": reference.uri,
        "name": reference.name,
        "version": reference.version,
        "system": system,
        "recorded_at": newest[0].received_at if newest else None,
        "files": [
            {"path": f.get("path"), "size": f.get("size"), "sha256": f.get("sha256")}
            for f in (newest[1].files or () if newest else ())
            if isinstance(f, dict)
        ],
        "canonical": (newest[1].canonical or {}).get("sha256") if newest else None,
        "in_use": [
            {"words": use.words, "target": use.target, "since": use.record.received_at}
            for use in in_use(reading.find(kind=USE_KINDS, system=system))
            if use.model == reference.sha256
        ],
        "targets": list(reading.project.settings.targets),
        "preview": preview(reading, reference, target, _requester(records, reading)),
        "card": card,
        "decisions": [
            row | {"page": address("records", row["id"])}
            for row in briefs(
                [r for r in records if r.evidence.kind == "decision"][::-1][:_DECISIONS]
            )
        ],
        "assessed": any(r.evidence.kind == "impact-assessment" for r in records),
        "review": address("models", reference.sha256, "review", **{"for": target}),
        "evidence": address("evidence", subject=reference.sha256),
        "card_file": address("models", reference.sha256, "card.html"),
    }


def _requester(records: list[Record], reading: Reading) -> str:
    """Who would ask: whoever asked last, else whoever trained it, else the viewer."""
    for record in reversed(records):
        if record.evidence.kind == "decision":
            request = record.evidence.body.get("request")
            if isinstance(request, dict) and isinstance(request.get("requester"), str):
                return str(request["requester"])
    trained = (r.evidence.actor for r in reversed(records) if r.evidence.kind == "model")
    return next(trained, reading.viewer.person)


def preview(
    reading: Reading, reference: ModelReference, target: str, requester: str
) -> dict[str, Any]:
    """What the gate would say now if `requester` asked it; nothing is recorded."""
    try:
        decision = gate(
            reference,
            target=target,
            project=reading.project,
            record=False,
            requester=requester,
        )
    except AimsError as error:
        return {
            "verdict": "undecided",
            "target": target,
            "requester": requester,
            "policy": None,
            "reasons": [],
            "notes": [str(error)],
        }
    return {
        "requester": requester,
        "verdict": decision.verdict,
        "target": decision.target,
        "policy": decision.policy_id,
        "at": decision.at,
        "reasons": [reason.to_body() for reason in decision.reasons],
        "notes": list(decision.notes),
    }
