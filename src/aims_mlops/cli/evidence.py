"""`aims evidence`: look at what the log holds."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.blob import show_blob
from aims_mlops.cli.chosen import (
    CONTROL,
    FROM,
    UNTIL,
    beginning,
    end,
    is_meant,
    known_controls,
)
from aims_mlops.cli.export import export_evidence
from aims_mlops.cli.table import table
from aims_mlops.cli.upkeep import anchor, clock_change, erase, hold, prune, role_script, verify

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record


@click.group("evidence")
def group() -> None:
    """List, show, open, verify, export, anchor, hold and erase evidence."""


for _command in (
    verify,
    export_evidence,
    show_blob,
    anchor,
    hold,
    erase,
    prune,
    clock_change,
    role_script,
):
    group.add_command(_command)


def summary(record: Record) -> dict[str, Any]:
    """One record as a line of `--json` output; docs/cli.md promises these fields."""
    evidence = record.evidence
    return {
        "sequence": record.sequence,
        "id": record.id,
        "kind": evidence.kind,
        "version": evidence.version,
        "system": evidence.system,
        "run": evidence.run,
        "actor": evidence.actor,
        "claimed_at": evidence.claimed_at,
        "received_at": record.received_at,
        "controls": list(evidence.controls),
        "subjects": [{"name": s.name, "sha256": s.sha256} for s in evidence.subjects],
    }


@group.command("list")
@click.option("--system", help="Only evidence of this AI system.")
@click.option("--kind", multiple=True, help="Only this kind; may be given several times.")
@click.option("--subject", help="Only evidence about this SHA-256 digest.")
@click.option("--run", "run_id", help="Only evidence of this run.")
@FROM
@UNTIL
@CONTROL
@click.option("--limit", type=click.IntRange(1), help="At most so many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_evidence(
    system: str | None,
    kind: tuple[str, ...],
    subject: str | None,
    run_id: str | None,
    first: str | None,
    last: str | None,
    control: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """List records, newest last."""
    from itertools import islice

    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.disk.start_marker import record_lost_runs

    project = find_project()
    store = project.open_store()
    record_lost_runs(project.root, store)
    controls = known_controls(control)
    first, last = beginning(first), end(last)
    chosen = controls or first or last
    found = store.find(
        kind=list(kind) or None,
        system=system,
        subject=subject,
        run=run_id,
        newest_first=True,
        limit=None if chosen else limit,
    )
    meant = (record for record in found if is_meant(record, first, last, controls))
    records = list(islice(meant, limit))[::-1]
    if as_json:
        click.echo(json.dumps([summary(record) for record in records], indent=2))
        return
    if not records:
        click.echo(f"No evidence matches in {store.url}.")
        return
    click.echo(
        table(
            ("SEQ", "ID", "KIND", "SYSTEM", "RECEIVED", "ABOUT"),
            [
                (
                    str(r.sequence),
                    r.id[:12],
                    r.evidence.kind,
                    r.evidence.system or "-",
                    r.received_at[:19] + "Z",
                    ", ".join(_short(s.name) for s in r.evidence.subjects[:2]),
                )
                for r in records
            ],
        )
    )


@group.command("find")
@click.option("--control", required=True, help="An Annex A control, such as A.7.4.")
@click.option("--system", help="Only evidence of this AI system.")
@FROM
@click.option("--to", "last", help="Only until this day (UTC), all of it, or this time.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def find_for_control(
    control: str, system: str | None, first: str | None, last: str | None, as_json: bool
) -> None:
    """Find what supports a control in a period: records of pipelines and of people."""
    from aims_mlops.cli.report import stream_of_system
    from aims_mlops.evidence.controls import CONTROLS
    from aims_mlops.evidence.store import signed
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.read import open_register
    from aims_mlops.report.pack.contents import Period, find_evidence
    from aims_mlops.report.render.one_line import plural, summarise

    (id_,) = known_controls((control,))
    period = Period(beginning(first), end(last))
    project = find_project()
    store = signed(project.open_store())
    records = stream_of_system(store, project, system)
    register = open_register(project, store)
    found = find_evidence(records, register, id_, system=system, period=period)
    if as_json:
        body = {
            "control": id_,
            "title": CONTROLS[id_].title,
            "system": system,
            "from": period.first,
            "before": period.last,
            "records": [summary(record) for record in found.records],
            "declared_by_persons": [summary(record) for record in found.declared],
        }
        click.echo(json.dumps(body, indent=2))
        return
    click.echo(
        f"{id_} {CONTROLS[id_].title}: {plural(len(found.records), 'record')} of pipelines, "
        f"{plural(len(found.declared), 'record')} declared by a person."
    )
    rows = [
        (r.received_at[:19] + "Z", r.id[:12], r.evidence.kind, who, summarise(r))
        for who, records_of in (("pipeline", found.records), ("person", found.declared))
        for r in records_of
    ]
    if rows:
        click.echo(table(("RECEIVED", "ID", "KIND", "FROM", "SAYS"), rows))


def _short(name: str) -> str:
    """A subject's name with each long digest cut to its first 12 digits."""
    return re.sub(r"[0-9a-f]{32,}", lambda digest: digest[0][:12], name)


@group.command("show")
@click.argument("record_id", metavar="ID")
@click.option("--raw", is_flag=True, help="Print the stored envelope, byte for byte.")
@click.option("--json", "as_json", is_flag=True, help="Print the record with its statement.")
def show_evidence(record_id: str, raw: bool, as_json: bool) -> None:
    """Show one record by its id or the first eight or more digits of it."""
    from aims_mlops.inventory.project import find_project

    record = find_project().open_store().get(record_id)
    if raw:
        click.echo(record.envelope, nl=False)
        return
    document = summary(record) | {"statement": record.evidence.to_statement()}
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    evidence = record.evidence
    rows = [
        ("id", record.id),
        ("sequence", str(record.sequence)),
        ("kind", f"{evidence.kind} (version {evidence.version})"),
        ("system", evidence.system or "-"),
        ("run", evidence.run or "-"),
        ("said by", f"{evidence.actor}, claiming {evidence.claimed_at}"),
        ("received", record.received_at),
        ("supports", ", ".join(evidence.controls) or "no control"),
        *(("about", f"{s.name}  sha256:{s.sha256}") for s in evidence.subjects),
    ]
    click.echo(table(("FIELD", "VALUE"), rows))
    click.echo()
    click.echo(json.dumps(dict(evidence.body), indent=2, ensure_ascii=True))
