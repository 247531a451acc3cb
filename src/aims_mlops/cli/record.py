"""`aims record`: documents and registers of the management system, clauses 4 to 10."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.record_files import import_command, sync
from aims_mlops.cli.who import AS

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.management.registers.entry import Entry

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_AT = click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d"]),
    help="As the log had it at the end of this day (UTC).",
)
_YES = click.option("--yes", is_flag=True, help="Do not ask after showing it.")


@click.group("record")
def group() -> None:
    """Keep the documents and registers of the management system (clauses 4 to 10)."""


group.add_command(sync)
group.add_command(import_command)


@group.command("add")
@click.argument("register", required=False)
@click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file, or Markdown with front matter.",
)
@click.option("--template", help="Print a file to fill in for an entry of this register.")
@AS
@_JSON
def add(
    register: str | None, file: Path | None, template: str | None, person: str | None, as_json: bool
) -> None:
    """Open an entry of REGISTER: from a file or, in a terminal, by questions."""
    from aims_mlops.management.intake.reading import read_change
    from aims_mlops.management.intake.template import template_text
    from aims_mlops.management.registers.spec import spec_of

    if template is not None:
        click.echo(template_text(spec_of(template)), nl=False)
        return
    if file is not None:
        change = read_change(file, register=register, step="add")
    else:
        from aims_mlops.cli.record_prompts import asked

        if register is None:
            raise click.UsageError("give a REGISTER or --from FILE; aims record list names them")
        change = asked(spec_of(register))
    _tell(_enter([change], person)[0], "added", as_json)


@group.command("change")
@click.argument("entry")
@click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The whole entry as it stands after, as YAML or Markdown.",
)
@click.option("--set", "fields", multiple=True, metavar="NAME=VALUE", help="One field, as YAML.")
@click.option("--reason", help="Why it changes.")
@AS
@_JSON
def change(
    entry: str,
    file: Path | None,
    fields: tuple[str, ...],
    reason: str | None,
    person: str | None,
    as_json: bool,
) -> None:
    """Change ENTRY: a new record; nothing is edited in place. A null VALUE takes a field away."""
    from aims_mlops.management.intake.reading import changed_by, read_change

    if (file is None) == (not fields):
        raise click.UsageError("give --from FILE or --set NAME=VALUE")
    found = _find(entry)
    if file is not None:
        step = read_change(file, register=found.register, step="change", reason=reason)
    else:
        step = changed_by(found, fields, reason=reason)
    _tell(_enter([step], person)[0], "changed", as_json)


@group.command("close")
@click.argument("entry")
@click.option("--reason", required=True, help="Why; of a document, why it is withdrawn.")
@AS
@_JSON
def close(entry: str, reason: str, person: str | None, as_json: bool) -> None:
    """Close ENTRY; a document is withdrawn."""
    _end(entry, "close", reason, person, as_json)


@group.command("reopen")
@click.argument("entry")
@click.option("--reason", required=True, help="Why.")
@AS
@_JSON
def reopen(entry: str, reason: str, person: str | None, as_json: bool) -> None:
    """Open a closed ENTRY again."""
    _end(entry, "reopen", reason, person, as_json)


@group.command("approve")
@click.argument("entry")
@click.option("--reject", is_flag=True, help="Refuse it instead.")
@click.option("--revoke", is_flag=True, help="Take your approval back.")
@click.option("--reason", default="", help="Needed to refuse or take back.")
@AS
@_YES
@_JSON
@click.pass_context
def approve(
    ctx: click.Context,
    entry: str,
    reject: bool,
    revoke: bool,
    reason: str,
    person: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Sign ENTRY as it stands: approve a document, accept a risk, verify a competence."""
    from aims_mlops.cli.assessing import acting
    from aims_mlops.evidence.store import signed
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.sign import Verdict, text_of
    from aims_mlops.management.registers.sign import approve as sign

    if reject and revoke:
        raise click.UsageError("give --reject or --revoke")
    project = find_project()
    store = project.open_store()
    found = _find(entry)
    shown = text_of(signed(store), found)
    verdict: Verdict = "reject" if reject else "revoke" if revoke else "approve"
    who = acting(project, person)
    _ask(shown, f"{who} signs: {verdict}", yes, as_json)
    record = sign(project, store, found, person=who, shown=shown, verdict=verdict, reason=reason)
    after = _find(f"{found.register}/{found.id}")
    why = next((why for one, why in after.refused if one.id == record.id), None)
    if as_json:
        counts = verdict == "approve" and why is None
        said = {"record": record.id, "state": after.state, "counts": counts, "why_not": why}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        ctx.exit(1 if verdict == "approve" and why is not None else 0)
    click.echo(f"✓ {who} signed: {found.register} {found.id} is {after.state}; {record.id[:12]}")
    if verdict == "approve" and why is not None:
        click.echo(f"  It does not count: {why}")
        ctx.exit(1)


@group.command("acknowledge")
@click.argument("entry")
@AS
@_YES
@_JSON
def acknowledge(entry: str, person: str | None, yes: bool, as_json: bool) -> None:
    """Sign that you read and understood the version of a document that is in force."""
    from aims_mlops.cli.assessing import acting
    from aims_mlops.evidence.store import signed
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.document import DocumentEntry
    from aims_mlops.management.registers.sign import acknowledge as sign
    from aims_mlops.management.registers.sign import text_of

    project = find_project()
    store = project.open_store()
    found = _find(entry)
    version = found.in_force if isinstance(found, DocumentEntry) else None
    shown = text_of(signed(store), found, None if version is None else version.record)
    who = acting(project, person)
    _ask(shown, f"{who} read and understood it", yes, as_json)
    record = sign(project, store, found, person=who, shown=shown)
    if as_json:
        click.echo(json.dumps({"record": record.id}, indent=2))
        return
    body = record.evidence.body
    click.echo(f"✓ {who} read and understood {found.id} {body.get('version')}: {record.id[:12]}")


@group.command("list")
@click.argument("register", required=False)
@click.option("--system", help="Only about this AI system.")
@click.option("--owner", help="Only of this person.")
@click.option("--all", "closed_too", is_flag=True, help="Closed and superseded ones too.")
@_AT
@_JSON
def list_command(
    register: str | None,
    system: str | None,
    owner: str | None,
    closed_too: bool,
    at: datetime | None,
    as_json: bool,
) -> None:
    """List the entries of REGISTER; without it, how many each register has."""
    from aims_mlops.cli.table import table
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.read import open_register
    from aims_mlops.management.registers.spec import REGISTERS, spec_of

    until, now = _moment(at)
    project = find_project()
    entries = open_register(project, project.open_store(), at=until)
    names = list(REGISTERS) if register is None else [spec_of(register).name]
    person = None if owner is None else project.human(owner)
    shown = [
        entry
        for name in names
        for entry in entries.of_register(name)
        if (closed_too or entry.is_open)
        and (system is None or system in entry.systems)
        and (person is None or (entry.owner and project.human(entry.owner) == person))
    ]
    if as_json:
        found = [entry.to_body(now) for entry in shown]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif register is None and system is None and owner is None:
        counts = [(n, str(sum(e.register == n for e in shown))) for n in names]
        click.echo(table(("REGISTER", "OPEN" if not closed_too else "ENTRIES"), counts))
    elif shown:
        head: tuple[str, ...] = ("ID", "STATE", "OWNER", "REVIEW OR DUE", "SYSTEMS", "TITLE")
        rows: list[tuple[str, ...]] = [_row(entry, now) for entry in shown]
        if register is None:
            head = ("REGISTER", *head)
            rows = [(e.register, *row) for e, row in zip(shown, rows, strict=True)]
        click.echo(table(head, rows))
    else:
        click.echo("no entry")


@group.command("show")
@click.argument("entry")
@_AT
@_JSON
def show(entry: str, at: datetime | None, as_json: bool) -> None:
    """Show ENTRY with every step: REGISTER/ID, ID, or the id of one of its records."""
    from aims_mlops.cli.plain import plain, plain_lines
    from aims_mlops.management.registers.document import DocumentEntry
    from aims_mlops.management.registers.shown import shown_text

    until, now = _moment(at)
    found = _find(entry, until)
    if as_json:
        click.echo(json.dumps(found.to_body(now), indent=2, ensure_ascii=False))
        return
    click.echo(plain_lines(shown_text(found, found.latest)))
    click.echo(f"state  {found.state}")
    if found.is_expired(now):
        click.echo(f"expired on {found.expires}")
    if found.review_overdue(now):
        click.echo(f"its review was due on {found.review}")
    if isinstance(found, DocumentEntry):
        for one in found.versions:
            read = ", ".join(sorted(one.acknowledgements)) or "nobody"
            by = f" by {one.approved_by}" if one.approved_by else ""
            click.echo(plain(f"version {one.version}  {one.state}{by}; read by {read}"))
    for record in found.steps:
        said = record.evidence.body
        why = f": {said['reason']}" if said.get("reason") else ""
        line = f"  {record.received_at[:19]}Z  {said.get('step')}  by {record.evidence.actor}{why}"
        click.echo(plain(line))
    for record, why in found.refused:
        who = record.evidence.actor
        click.echo(plain(f"  {record.received_at[:19]}Z  signature of {who} does not count: {why}"))


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    day = entry.due or entry.review or entry.expires or "-"
    late = entry.is_overdue(now) or entry.review_overdue(now) or entry.is_expired(now)
    return (
        entry.id,
        entry.state,
        entry.owner or "-",
        f"{day} overdue" if late else day,
        ", ".join(entry.systems) or "-",
        entry.title[:60],
    )


def _moment(at: datetime | None) -> tuple[datetime | None, datetime]:
    """Until when records count, and which moment it is."""
    if at is None:
        return None, datetime.now(UTC)
    end = datetime.combine(at.date(), time.max, UTC)
    return end, end


def _find(wanted: str, at: datetime | None = None) -> Entry:
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.enter import find_entry
    from aims_mlops.management.registers.read import open_register

    project = find_project()
    return find_entry(open_register(project, project.open_store(), at=at), None, wanted)


def _enter(changes: list[Any], person: str | None) -> list[Record]:
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.enter import enter

    project = find_project()
    actor = acting(project, person)
    return enter(project, project.open_store(), changes, actor=actor, now=datetime.now(UTC))


def _end(entry: str, step: str, reason: str, person: str | None, as_json: bool) -> None:
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.enter import close as end

    project = find_project()
    record = end(
        project,
        project.open_store(),
        _find(entry),
        actor=acting(project, person),
        now=datetime.now(UTC),
        reason=reason,
        reopen=step == "reopen",
    )
    _tell(record, "closed" if step == "close" else "opened again", as_json)


def _tell(record: Record, what: str, as_json: bool) -> None:
    from aims_mlops.management.registers.spec import BY_KIND

    register = BY_KIND[record.evidence.kind].name
    id_ = record.evidence.body["id"]
    if as_json:
        said = {"register": register, "id": id_, "record": record.id}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    click.echo(f"✓ {register} {id_} {what}: record {record.id[:12]}")


def _ask(shown: str, what: str, yes: bool, as_json: bool) -> None:
    from aims_mlops.cli.plain import plain_lines

    if not as_json:
        click.echo(plain_lines(shown))
    if not yes:
        click.confirm(what, abort=True, err=as_json)
