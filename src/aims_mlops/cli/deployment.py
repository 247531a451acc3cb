"""`aims deployment`: what runs where, under which decision, and how it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aims_mlops.errors import ModelRefusedError
    from aims_mlops.evidence.records import Record

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("deployment")
def group() -> None:
    """Record deployments; each needs a valid decision (A.6.2.5)."""


@group.command("record")
@click.argument("model")
@click.option("--for", "target", required=True, help="Target or alias, such as production.")
@click.option("--where", required=True, help="Such as the name of a cluster or a host.")
@click.option("--system", help="The AI system, if the model does not tell.")
@click.option("--configuration", type=_FILE, help="Its digest is recorded, not its content.")
@click.option("--rollback-plan", help="What to do if it goes wrong.")
@_JSON
@click.pass_context
def record(
    ctx: click.Context,
    model: str,
    target: str,
    where: str,
    system: str | None,
    configuration: Path | None,
    rollback_plan: str | None,
    as_json: bool,
) -> None:
    """Record that MODEL is deployed. Exit 1 or 2 if no valid decision allows its content."""
    from aims_mlops.errors import ModelRefusedError
    from aims_mlops.gates.deployment import find_deployment, record_deployment
    from aims_mlops.inventory.project import find_project

    project = find_project()
    try:
        stored = record_deployment(
            model,
            target=target,
            where=where,
            system=system,
            configuration=configuration,
            rollback_plan=rollback_plan,
            project=project,
        )
    except ModelRefusedError as refused:
        _refuse(ctx, refused, as_json=as_json)
        return
    if as_json:
        found = find_deployment(project.open_store(), stored.id)
        click.echo(json.dumps(found.to_body(), indent=2, ensure_ascii=False))
        return
    _say(stored, f"{model} is deployed to {where}")
    if rollback_plan is None:
        click.echo("  no roll-back plan was given: --rollback-plan TEXT")


@group.command("rollback")
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="Why it is taken back.")
@click.option("--to", help="The model that runs instead; it needs a valid decision too.")
@click.pass_context
def rollback(ctx: click.Context, id_: str, reason: str, to: str | None) -> None:
    """Record that a deployment was taken back."""
    from aims_mlops.errors import ModelRefusedError
    from aims_mlops.gates.deployment import find_deployment, roll_back
    from aims_mlops.inventory.project import find_project

    project = find_project()
    found = find_deployment(project.open_store(), id_)
    try:
        stored = roll_back(found, reason=reason, to=to, project=project)
    except ModelRefusedError as refused:
        _refuse(ctx, refused, as_json=False)
        return
    _say(stored, f"{found.model_uri} is taken back at {found.where}")


@group.command("decommission")
@click.argument("id_", metavar="ID")
@click.option("--reason", required=True, help="Why nothing runs there any more.")
def decommission_command(id_: str, reason: str) -> None:
    """Record that nothing runs there any more."""
    from aims_mlops.gates.deployment import decommission, find_deployment
    from aims_mlops.inventory.project import find_project

    project = find_project()
    found = find_deployment(project.open_store(), id_)
    _say(
        decommission(found, reason=reason, project=project),
        f"{found.model_uri} no longer runs at {found.where}",
    )


@group.command("list")
@click.option("--system", help="Only of this AI system.")
@click.option("--all", "ended_too", is_flag=True, help="What no longer runs, too.")
@_JSON
def list_command(system: str | None, ended_too: bool, as_json: bool) -> None:
    """List what runs where."""
    from aims_mlops.cli.table import table
    from aims_mlops.gates.deployment import deployments
    from aims_mlops.inventory.project import find_project

    found = deployments(find_project().open_store(), system=system)
    shown = [one for one in found if ended_too or one.runs]
    if as_json:
        click.echo(json.dumps([one.to_body() for one in shown], indent=2, ensure_ascii=False))
    elif shown:
        head = ("ID", "STATE", "SYSTEM", "TARGET", "WHERE", "MODEL", "SINCE")
        rows = [
            (
                one.id[:12],
                one.state,
                one.begun.evidence.system or "-",
                one.target,
                one.where,
                f"{one.model_uri} ({one.model[:12]})",
                one.begun.received_at[:10],
            )
            for one in shown
        ]
        click.echo(table(head, rows))
    else:
        click.echo("no deployment" if ended_too else "nothing is deployed")


def _refuse(ctx: click.Context, refused: ModelRefusedError, *, as_json: bool) -> None:
    from aims_mlops.cli.plain import plain

    check = refused.check
    if as_json:
        click.echo(json.dumps(check.to_body(), indent=2, sort_keys=True, ensure_ascii=False))
    else:
        click.echo("\n".join(plain(line) for line in str(check).splitlines()))
        click.echo("nothing was recorded")
    ctx.exit(check.exit_code)


def _say(stored: Record, words: str) -> None:
    from aims_mlops.cli.plain import plain

    click.echo(plain(f"✓ {words}; record {stored.id[:12]}"))
