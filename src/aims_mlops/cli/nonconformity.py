"""`aims nonconformity`: what was found wrong, and what is done about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.who import AS

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.operations.nonconformity import Nonconformity

_SEVERITY = click.Choice(["minor", "major"])
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("nonconformity")
def group() -> None:
    """List what was found wrong, and say what is done about it (clause 10.2)."""


@group.command("open")
@click.argument("what")
@click.option("--reason", required=True, help="What is wrong, in a sentence, without names.")
@click.option("--system", help="The AI system that it is about.")
@click.option("--severity", type=_SEVERITY, default="major", show_default=True)
@click.option("--owner", help="Id of the person in aims.yaml who puts it right.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Until when, as YYYY-MM-DD.")
@AS
def open_command(
    what: str,
    reason: str,
    system: str | None,
    severity: Any,
    owner: str | None,
    due: datetime | None,
    person: str | None,
) -> None:
    """Record something that a person found wrong. WHAT is a word or two, such as late-review."""
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.corrective_action import find_by_hand

    project = find_project()
    record = find_by_hand(
        project.open_store(),
        project,
        what=what,
        reason=reason,
        system=system,
        severity=severity,
        owner=owner,
        due=None if due is None else due.replace(tzinfo=UTC),
        actor=acting(project, person),
        now=datetime.now(UTC),
    )
    click.echo(f"✓ nonconformity {record.id[:12]} is open, due {record.evidence.body['due'][:10]}")
    click.echo(f"Next: aims nonconformity analyse {record.id[:12]} --root-cause TEXT")


@group.command("list")
@click.option("--system", help="Only of this AI system.")
@click.option("--all", "closed_too", is_flag=True, help="Closed ones too.")
@_JSON
@click.pass_context
def list_command(ctx: click.Context, system: str | None, closed_too: bool, as_json: bool) -> None:
    """List nonconformities, open ones only without --all. Exit 1 if one is overdue."""
    from aims_mlops.cli.table import table
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.nonconformity import nonconformities

    now = datetime.now(UTC)
    found = nonconformities(find_project().open_store(), system=system)
    shown = [one for one in found if closed_too or one.is_open]
    if as_json:
        click.echo(json.dumps([one.to_body(now) for one in shown], indent=2, ensure_ascii=False))
    elif shown:
        head = ("ID", "SEVERITY", "STATE", "OWNER", "DUE", "SYSTEM", "WHAT")
        rows = [
            (
                one.id[:12],
                one.severity,
                one.state,
                one.owner or "nobody",
                one.due[:10] + (" overdue" if one.is_overdue(now) else ""),
                one.system or "-",
                one.what,
            )
            for one in shown
        ]
        click.echo(table(head, rows))
    else:
        click.echo("no nonconformity" if closed_too else "no open nonconformity")
    ctx.exit(1 if any(one.is_overdue(now) for one in shown) else 0)


@group.command("show")
@click.argument("id_", metavar="ID")
@_JSON
def show(id_: str, as_json: bool) -> None:
    """Show one with every step."""
    from aims_mlops.cli.plain import plain

    found = _find(id_)
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps(found.to_body(now), indent=2, ensure_ascii=False))
        return
    body = found.to_body(now)
    width = max(map(len, body))
    for name, value in body.items():
        if value is not None and name != "steps":
            click.echo(plain(f"{name.replace('_', ' ').ljust(width)}  {value}"))
    for record in found.steps:
        said = record.evidence.body
        step = said.get("step") or ("decision" if record.evidence.kind == "decision" else "open")
        click.echo(plain(f"  {record.received_at[:19]}Z  {step}  by {record.evidence.actor}"))


@group.command("assign")
@click.argument("id_", metavar="ID")
@click.option("--owner", required=True, help="Id of a person in aims.yaml.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Until when, as YYYY-MM-DD.")
@AS
def assign(id_: str, owner: str, due: datetime | None, person: str | None) -> None:
    """Say who puts it right, and until when."""
    from aims_mlops.operations.corrective_action import assign as step

    _take(id_, step, person, owner=owner, due=None if due is None else due.replace(tzinfo=UTC))


@group.command("analyse")
@click.argument("id_", metavar="ID")
@click.option("--root-cause", required=True, help="Why it happened.")
@AS
def analyse(id_: str, root_cause: str, person: str | None) -> None:
    """Record the root cause."""
    from aims_mlops.operations.corrective_action import analyse as step

    _take(id_, step, person, root_cause=root_cause)


@group.command("act")
@click.argument("id_", metavar="ID")
@click.option("--action", required=True, help="What keeps it from happening again.")
@click.option("--correction", help="What was put right at once.")
@AS
def act(id_: str, action: str, correction: str | None, person: str | None) -> None:
    """Record the corrective action, after the root cause."""
    from aims_mlops.operations.corrective_action import act as step

    _take(id_, step, person, corrective_action=action, correction=correction)


@group.command("close")
@click.argument("id_", metavar="ID")
@click.option("--effect", required=True, help="How it was checked that the action works.")
@AS
def close(id_: str, effect: str, person: str | None) -> None:
    """Close it after the action, by another person than who acted."""
    from aims_mlops.operations.corrective_action import close as step

    _take(id_, step, person, effect=effect)


@group.command("reopen")
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="What happened again.")
@AS
def reopen(id_: str, reason: str, person: str | None) -> None:
    """Open a closed one again."""
    from aims_mlops.operations.corrective_action import reopen as step

    _take(id_, step, person, reason=reason)


def _find(id_: str) -> Nonconformity:
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.nonconformity import find_nonconformity

    return find_nonconformity(find_project().open_store(), id_)


def _take(id_: str, step: Callable[..., Record], person: str | None, **said: Any) -> None:
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.nonconformity import find_nonconformity

    project = find_project()
    store = project.open_store()
    found = find_nonconformity(store, id_)
    actor = acting(project, person)
    record = step(store, project, found, actor=actor, now=datetime.now(UTC), **said)
    after = find_nonconformity(store, found.id)
    click.echo(f"✓ {after.what}: {after.state}; record {record.id[:12]}")
