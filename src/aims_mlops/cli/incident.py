"""`aims incident`: what happened, who was told, how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.who import AS

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SEVERITY = click.Choice(["minor", "major", "critical"])
_AFFECTED = click.option("--affected", type=int, help="How many people.")
_GROUPS = click.option("--group", "groups", multiple=True, help="A group of people; repeatable.")


@click.group("incident")
def group() -> None:
    """Record incidents of an AI system and who was told (A.8.4)."""


@group.command("open")
@click.argument("system")
@click.option("--title", required=True, help="What happened, without names of people.")
@click.option("--severity", type=_SEVERITY, default="major", show_default=True)
@_AFFECTED
@_GROUPS
@AS
def open_command(
    system: str,
    title: str,
    severity: Any,
    affected: int | None,
    groups: tuple[str, ...],
    person: str | None,
) -> None:
    """Record an incident of SYSTEM; its impact assessment is open again."""
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.incident import open_incident

    project = find_project()
    record = open_incident(
        project.open_store(),
        project,
        system=system,
        title=title,
        severity=severity,
        actor=acting(project, person),
        now=datetime.now(UTC),
        affected=affected,
        groups=groups,
    )
    click.echo(f"✓ incident {record.id[:12]} of {record.evidence.system} is open")
    if record.evidence.body["assessment"]:
        click.echo("  approvals of its impact assessment count no longer")
    click.echo(f"Next: aims incident tell {record.id[:12]} --whom WHO --what TEXT")


@group.command("list")
@click.option("--system", help="Only of this AI system.")
@click.option("--all", "closed_too", is_flag=True, help="Closed ones too.")
@_JSON
def list_command(system: str | None, closed_too: bool, as_json: bool) -> None:
    """List incidents, open ones only without --all."""
    from aims_mlops.cli.table import table
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.incident import incidents

    found = incidents(find_project().open_store(), system=system)
    shown = [one for one in found if closed_too or one.is_open]
    if as_json:
        click.echo(json.dumps([one.to_body() for one in shown], indent=2, ensure_ascii=False))
    elif shown:
        head = ("ID", "SEVERITY", "STATE", "OPENED", "AFFECTED", "TOLD", "SYSTEM", "TITLE")
        rows = [
            (
                one.id[:12],
                one.severity,
                one.state,
                one.opened.received_at[:10],
                "unknown" if one.affected is None else str(one.affected),
                str(len(one.told)),
                one.system or "-",
                one.title,
            )
            for one in shown
        ]
        click.echo(table(head, rows))
    else:
        click.echo("no incident" if closed_too else "no open incident")


@group.command("show")
@click.argument("id_", metavar="ID")
@_JSON
def show(id_: str, as_json: bool) -> None:
    """Show one with every step."""
    from aims_mlops.cli.plain import plain
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.incident import find_incident

    found = find_incident(find_project().open_store(), id_)
    body = found.to_body()
    if as_json:
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
        return
    width = max(map(len, body))
    for name, value in body.items():
        if value not in (None, []) and name not in ("steps", "told"):
            text = ", ".join(value) if isinstance(value, list) else value
            click.echo(plain(f"{name.replace('_', ' ').ljust(width)}  {text}"))
    for told in found.told:
        click.echo(plain(f"  {str(told.get('at'))[:19]}Z  told {told['whom']}: {told['what']}"))


@group.command("update")
@click.argument("id_", metavar="ID")
@click.option("--note", required=True, help="What is known by now.")
@click.option("--severity", type=_SEVERITY)
@_AFFECTED
@_GROUPS
@AS
def update(id_: str, person: str | None, **said: Any) -> None:
    """Say what is known by now."""
    from aims_mlops.operations.incident import update as step

    _take(id_, step, person, **said)


@group.command("tell")
@click.argument("id_", metavar="ID")
@click.option("--whom", required=True, help="Users, affected people, an authority.")
@click.option("--what", required=True, help="What they were told.")
@click.option("--channel", help="Such as mail, a notice in the product, a form.")
@AS
def tell(id_: str, person: str | None, **said: Any) -> None:
    """Record that somebody was told."""
    from aims_mlops.operations.incident import tell as step

    _take(id_, step, person, **said)


@group.command("close")
@click.argument("id_", metavar="ID")
@click.option("--outcome", required=True, help="How it ended.")
@AS
def close(id_: str, person: str | None, **said: Any) -> None:
    """Close it with its outcome."""
    from aims_mlops.operations.incident import close as step

    _take(id_, step, person, **said)


def _take(id_: str, step: Callable[..., Record], person: str | None, **said: Any) -> None:
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.incident import find_incident

    project = find_project()
    store = project.open_store()
    found = find_incident(store, id_)
    record = step(store, found, actor=acting(project, person), now=datetime.now(UTC), **said)
    after = find_incident(store, found.id)
    click.echo(f"✓ {after.title}: {after.state}; record {record.id[:12]}")
