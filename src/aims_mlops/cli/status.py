"""`aims status`: where evidence goes, and what state it is in."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.table import table
from aims_mlops.evidence.kinds import USE_KINDS
from aims_mlops.report.render.one_line import plural

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(as_json: bool) -> None:
    """Show the store, the log, the spool, recorded gaps and promoted versions."""
    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.disk.start_marker import record_lost_runs

    project = find_project()
    store = project.open_store()
    record_lost_runs(project.root, store)
    state = _state(project, store)
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return
    click.echo(table(("WHAT", "STATE"), _rows(state)))
    if state["systems"]:
        click.echo()
        click.echo(
            table(
                ("SYSTEM", "RISK TIER", "OWNER", "PROMOTED", "DEPLOYED"),
                [
                    (
                        s["id"],
                        s["risk_tier"] or "-",
                        s["owner"] or "-",
                        ", ".join(f"{p['model']} as {p['alias']}" for p in s["promoted"]) or "none",
                        ", ".join(f"{d['model']} at {d['where']}" for d in s["deployed"]) or "none",
                    )
                    for s in state["systems"]
                ],
            )
        )


def _state(project: Project, store: EvidenceStore) -> dict[str, Any]:
    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.operations.nonconformity import nonconformities
    from aims_mlops.store.disk.spool import pending, set_aside

    now = datetime.now(UTC)
    status = asdict(store.status()) | {"proved_by": _proved_by(project.store_url)}
    still_open = [n for n in nonconformities(store) if n.is_open]
    gaps = list(store.find(kind="gap"))
    promoted, deployed = _in_use(store)
    systems: dict[str, tuple[str | None, str | None]] = {
        s.id: (s.risk_tier, s.owner) for s in project.systems
    }
    for seen in (*promoted, *deployed):
        systems.setdefault(seen, (None, None))
    return {
        "project": str(project.root),
        "configuration": str(project.path) if project.path else None,
        "store": status,
        "log": _log(store, now),
        "spool": len(pending(project.root)),
        "refused": len(set_aside(project.root)),
        "gaps": {
            "count": len(gaps),
            "newest": gaps[-1].evidence.body.get("where") if gaps else None,
        },
        "alarms": [alarm.to_body() for alarm in every_alarm(store, project, now)],
        "notices": _undelivered(store),
        "nonconformities": {
            "open": len(still_open),
            "overdue": sum(n.is_overdue(now) for n in still_open),
        },
        "systems": [
            {
                "id": id_,
                "risk_tier": tier,
                "owner": owner,
                "promoted": promoted.get(id_, []),
                "deployed": deployed.get(id_, []),
            }
            for id_, (tier, owner) in systems.items()
        ],
    }


def _log(store: EvidenceStore, now: datetime) -> dict[str, Any]:
    """When the log began, by its first record, and whether it is new: made in the last day."""
    from aims_mlops.evidence.clock import parse

    first = next(iter(store.find()), None)
    made = bool(getattr(store, "is_new", False))
    return {
        "begun": None if first is None else first.received_at,
        "new": made or first is None or now - parse(first.received_at) < timedelta(days=1),
        "made_by_this_command": made,
        "keys": str(getattr(store, "key_folder", "")) or None,
    }


def _in_use(
    store: EvidenceStore,
) -> tuple[dict[str, list[dict[str, str]]], dict[str, list[dict[str, str]]]]:
    """Per system, what the log says is promoted and deployed; no registry is asked."""
    from aims_mlops.operations.in_use import in_use

    promoted: dict[str, list[dict[str, str]]] = {}
    deployed: dict[str, list[dict[str, str]]] = {}
    for use in in_use(store.find(kind=USE_KINDS)):
        body = use.record.evidence.body
        if use.is_promotion:
            promoted.setdefault(use.system or "", []).append(
                {
                    "alias": str(body.get("alias")),
                    "model": f"{use.place.name}/{body.get('version')}",
                    "sha256": use.model,
                }
            )
        else:
            deployed.setdefault(use.system or "", []).append(
                {
                    "target": use.target,
                    "where": str(body.get("where")),
                    "model": str(body.get("model_uri")),
                    "sha256": use.model,
                    "deployment": use.record.id,
                }
            )
    return promoted, deployed


def _proved_by(url: str) -> str:
    """What the state of the log was held against before it is shown."""
    from aims_mlops.store.remote.client import KEY_VARIABLE
    from aims_mlops.store.remote.delivery import is_remote

    if not is_remote(url):
        return "the log on this machine; see: aims evidence verify"
    if os.environ.get(KEY_VARIABLE, "").strip():
        return f"the key in {KEY_VARIABLE}: every answer of the server is held against it"
    return f"nothing: the server is taken at its word; set {KEY_VARIABLE} to the log's key"


def _rows(state: dict[str, Any]) -> list[tuple[str, str]]:
    store = state["store"]
    anchored = "anchored" if store["anchored"] else "unanchored: nobody outside holds a checkpoint"
    checkpoint = (store["checkpoint"] or "none yet").splitlines()[0]
    gaps = state["gaps"]
    return [
        ("project", state["project"]),
        ("configuration", state["configuration"] or "none (run: aims init)"),
        ("store", store["url"]),
        ("file", store["location"]),
        ("blobs", store["blobs"]),
        ("log", f"{store['size']} records, root {store['root'][:16]}{_age(state['log'])}"),
        *([("key", state["log"]["keys"])] if state["log"]["keys"] else []),
        ("checkpoint", f"{checkpoint} ({anchored})"),
        ("proved by", store["proved_by"]),
        ("spool", _spool(state["spool"], state["refused"])),
        ("gaps", f"{gaps['count']}, newest in {gaps['newest']}" if gaps["count"] else "none"),
        ("wrong now", _wrong(state["alarms"])),
        ("notices", _notices(state["notices"])),
        ("nonconformities", "{open} open, {overdue} overdue".format(**state["nonconformities"])),
    ]


def _undelivered(store: EvidenceStore) -> list[dict[str, str]]:
    """Whom the newest notice did not reach, and why."""
    newest = {str(r.evidence.body.get("recipient")): r for r in store.find(kind="notice")}
    return [
        {"recipient": recipient, "problem": str(record.evidence.body.get("problem"))}
        for recipient, record in sorted(newest.items())
        if record.evidence.body.get("outcome") == "failed"
    ]


def _notices(undelivered: list[dict[str, str]]) -> str:
    if not undelivered:
        return "none undelivered"
    names = ", ".join(row["recipient"] for row in undelivered)
    return f"undelivered to {names}: {undelivered[0]['problem']}; tried again by aims monitor run"


def _age(log: dict[str, Any]) -> str:
    if log["made_by_this_command"]:
        return ", NEW: this command made it and its key"
    begun = f", begun {log['begun']}" if log["begun"] else ", empty"
    return f"{begun} (NEW)" if log["new"] else begun


def _wrong(alarms: list[dict[str, Any]]) -> str:
    if not alarms:
        return "nothing"
    names = ", ".join(sorted({alarm["what"] for alarm in alarms}))
    return f"{len(alarms)} (see: aims monitor status): {names}"


def _spool(waiting: int, refused: int) -> str:
    parts = [f"{plural(waiting, 'batch', 'batches')} not yet delivered"] if waiting else []
    if refused:
        parts.append(f"{refused} refused for good (see: aims push)")
    return ", ".join(parts) or "empty"
