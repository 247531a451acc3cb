"""A system: from the first data to today, its versions side by side, and how it fares in use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aims_mlops.alarms.expiry import every_alarm
from aims_mlops.errors import AimsError, EvidenceNotFoundError
from aims_mlops.evidence.bodies.data import DatasetBody, ModelBody
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.kinds import COMPARED_KINDS, SCHEDULE_KINDS, USE_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.gates.deployment import fold as deployments_of
from aims_mlops.inventory.renames import KIND, Names
from aims_mlops.operations.in_use import in_use
from aims_mlops.operations.incident import fold as incidents_of
from aims_mlops.operations.nonconformity import nonconformities
from aims_mlops.policy.loading import load_policy
from aims_mlops.report.history import tell
from aims_mlops.report.operation import operation
from aims_mlops.report.operation.drift_trend import trends
from aims_mlops.report.render import reading as fields
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import address

_EVENTS = 60  # newest lines of the time line
_RECORDS = 2_000  # newest records that they are told from
_VERSIONS = 6  # newest, side by side
_MEASURES = COMPARED_KINDS


def system(reading: Reading) -> dict[str, Any]:
    """Everything that the log says of one AI system; EvidenceNotFoundError for none."""
    id_ = reading.path["system"]
    declared = reading.project.system(id_)
    names = Names(reading.store.find(kind=KIND)).of(id_)
    some = any(True for name in names for _ in reading.find(system=name, limit=1))
    if not reading.sees(id_) or (declared is None and not some):
        raise EvidenceNotFoundError("no AI system of this id that you may see", got=id_[:64])

    def find(**filters: Any) -> list[Record]:
        found = [r for name in names for r in reading.find(system=name, **filters)]
        return sorted(found, key=lambda record: record.sequence)

    uses = in_use(find(kind=USE_KINDS))
    models = find(kind="model")
    versions = _versions(models, {use.model for use in uses})
    drift = find(kind="drift", newest_first=True, limit=200)
    watched = operation.show(
        [*find(kind=SCHEDULE_KINDS), *drift], reading.project.systems, id_, reading.now
    )
    return {
        "id": id_,
        "declared": declared.model_dump(mode="json") if declared else None,
        "in_use": [
            {
                "words": use.words,
                "target": use.target,
                "since": use.record.received_at,
                "record": use.record.id,
                "page": address("models", use.model),
            }
            for use in uses
        ],
        "alarms": [
            alarm.to_body()
            for alarm in every_alarm(reading.store, reading.project, reading.now)
            if alarm.system == id_
        ],
        "versions": versions,
        "figures": _side_by_side(versions, find(kind=_MEASURES), _ruled(reading)),
        "datasets": _datasets(find(kind="dataset")),
        "lineage": _lineage(models, find(kind="dataset"), uses),
        "drift": _drift(drift),
        "schedules": operation.as_json(watched)["schedules"],
        "inference": _volumes(find(kind="inference-log", newest_first=True, limit=2_000)),
        "deployments": [
            found.to_body() | {"page": address("records", found.id)}
            for found in deployments_of(find(kind="deployment"))
        ],
        "incidents": [
            found.to_body() | {"page": address("records", found.id)}
            for found in incidents_of(find(kind="incident"))
        ],
        "nonconformities": [
            found.to_body(reading.now) | {"page": address("records", found.id)}
            for found in nonconformities(reading.store, system=id_)
        ],
        "history": _history(find(newest_first=True, limit=_RECORDS), id_),
        "evidence": address("evidence", system=id_),
    }


def _versions(models: Iterable[Record], used: set[str]) -> list[dict[str, Any]]:
    """The newest versions by content, newest first."""
    found: dict[str, dict[str, Any]] = {}
    for record in models:
        body = ModelBody.of(record)
        digest = str(body.sha256)
        registered = body.registered or {}
        version = registered.get("version")
        name = str(registered.get("name") or body.name or digest[:12])
        found.pop(digest, None)
        found[digest] = {
            "model": digest,
            "name": name,
            "version": None if version is None else str(version),
            "label": f"{name}/{version}" if version is not None else f"{name} {digest[:8]}",
            "class": fields.text(body.class_) or fields.text(body.framework),
            "recorded_at": record.received_at,
            "in_use": digest in used,
            "page": address("models", digest),
        }
    return list(found.values())[::-1]


def _ruled(reading: Reading) -> frozenset[str]:
    """The measures that a rule of some policy in force holds against a limit."""
    found: set[str] = set()
    for target in reading.project.settings.targets:
        source = reading.project.policy_source(target)
        if source is not None:
            with suppress(AimsError):
                found.update(rule.measure for rule in load_policy(source).rules)
    return frozenset(found)


def _side_by_side(
    versions: Sequence[Mapping[str, Any]], measured: Iterable[Record], ruled: frozenset[str]
) -> list[dict[str, Any]]:
    """Overall figures and comparisons of groups, each for the newest versions, on one axis.

    ruled : measures that a policy has a rule for; they come first.
    """
    shown = list(versions[:_VERSIONS])[::-1]
    wanted = {version["model"] for version in shown}
    newest: dict[tuple[str, str, str], dict[str, Any]] = {}
    for record in measured:
        models = {s.sha256 for s in record.evidence.subjects if s.sha256 in wanted}
        for figure in fields.figures(record):
            if figure.value is None or not (figure.group is None or figure.compares):
                continue
            group = "" if figure.group is None else figure.group_label
            for model in models:
                newest[figure.measure, group, model] = {
                    "value": figure.value,
                    "low": figure.low,
                    "high": figure.high,
                    "n": figure.n,
                    "record": record.id,
                    "kind": record.evidence.kind,
                }
    rows: list[dict[str, Any]] = []
    for measure, group in dict.fromkeys((m, g) for m, g, _ in newest):
        points = [
            {"version": version["label"], "page": version["page"],
             **newest[measure, group, version["model"]]}
            for version in shown
            if (measure, group, version["model"]) in newest
        ]  # fmt: skip
        ends = [end for p in points for end in (p["value"], p["low"], p["high"]) if end is not None]
        low, high = min(0.0, *ends), max(1.0, *ends) if max(ends) <= 1 else max(ends)
        kind = points[0]["kind"]
        rows.append(
            {"measure": measure, "group": group, "kind": kind, "axis": [low, high],
             "ruled": measure in ruled, "points": points}
        )  # fmt: skip
    return sorted(
        rows,
        key=lambda row: (not row["ruled"], _MEASURES.index(row["kind"]), bool(row["group"])),
    )


def _datasets(records: Iterable[Record]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        body = DatasetBody.of(record)
        digest = str(body.sha256)
        roles = found.get(digest, {}).get("roles", [])
        role = fields.text(body.role)
        found[digest] = {
            "sha256": digest,
            "name": fields.text(body.name) or digest[:12],
            "roles": sorted({*roles, *([role] if role else [])}),
            "rows": fields.whole(body.rows),
            "columns": len(body.columns) if body.columns else None,
            "source": fields.text(body.source),
            "licence": fields.text(body.licence),
            "recorded_at": record.received_at,
            "page": address("records", record.id),
        }
    return list(found.values())[::-1]


def _lineage(
    models: Iterable[Record], datasets: Iterable[Record], uses: Iterable[Any]
) -> dict[str, Any]:
    """What came from what: datasets, the models made with them, and where those are in use."""
    nodes: dict[str, dict[str, Any]] = {}
    edges: set[tuple[str, str]] = set()
    for record in datasets:
        body = DatasetBody.of(record)
        digest = str(body.sha256)
        nodes[digest] = {"id": digest, "rank": 1, "label": fields.text(body.name) or digest[:12]}
        for parent in body.derived_from or ():
            source = parent.get("sha256") if isinstance(parent, Mapping) else parent
            if isinstance(source, str) and source != digest:
                name = parent.get("name") if isinstance(parent, Mapping) else None
                nodes.setdefault(
                    source, {"id": source, "rank": 0, "label": fields.text(name) or source[:12]}
                )
                edges.add((source, digest))
    newest = _versions(models, set())[:_VERSIONS]
    kept = {version["model"] for version in newest}
    for version in newest:
        nodes[version["model"]] = {"id": version["model"], "rank": 2, "label": version["label"]}
    for record in models:
        made = ModelBody.of(record)
        for used in made.datasets or ():
            source = used.get("sha256") if isinstance(used, Mapping) else None
            if str(made.sha256) in kept and isinstance(source, str) and source in nodes:
                edges.add((source, str(made.sha256)))
    for use in uses:
        if use.model in kept:
            id_ = f"use:{use.record.id}"
            nodes[id_] = {"id": id_, "rank": 3, "label": use.target}
            edges.add((use.model, id_))
    linked = {id_ for edge in edges for id_ in edge}
    return {
        "nodes": [node for node in nodes.values() if node["id"] in linked],
        "edges": [{"from": a, "to": b} for a, b in sorted(edges)],
    }


def _drift(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Each column's effect over the measurements so far, as one series a way of measuring."""
    bodies = [
        {"window": {"start": record.received_at}, "columns": record.evidence.body.get("columns")}
        for record in records
    ]
    return [
        {
            "column": trend.column,
            "drifted": trend.drifted,
            "points": [
                {
                    "at": point.start,
                    "value": point.value,
                    "threshold": point.threshold,
                    "verdict": point.verdict,
                    "method": point.way[0],
                }
                for point in trend.points
            ],
        }
        for trend in trends(bodies)
    ][:20]


def _volumes(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Rows that were answered and written on each day."""
    days: dict[str, dict[str, Any]] = {}
    for record in records:
        body = record.evidence.body
        if body.get("event") != "written":
            continue
        day = record.received_at[:10]
        of_day = days.setdefault(day, {"day": day, "rows": 0, "written": 0})
        of_day["rows"] += fields.count(body, "rows") or 0
        of_day["written"] += fields.count(body, "written") or 0
    return [days[day] for day in sorted(days)][-60:]


def _history(records: Sequence[Record], id_: str) -> dict[str, Any]:
    told = tell(records, id_, now())
    events = [
        {
            "record": event.record.id,
            "page": address("records", event.record.id),
            "at": event.record.received_at,
            "actor": event.record.evidence.actor,
            "what": event.what,
            "says": event.says,
            "also": event.also,
        }
        for event in told.events
    ]
    cut = len(records) >= _RECORDS or len(events) > _EVENTS
    return {"events": events[-_EVENTS:][::-1], "cut": cut}
