"""`aims mlflow`: what stands below and around an MLflow server."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.group("mlflow")
def group() -> None:
    """Protect the database of an MLflow registry."""


@group.command("protect")
@click.argument("url", envvar="MLFLOW_DATABASE")
@click.option("--check", "only_check", is_flag=True, help="Only say whether it is in place.")
@click.option("--remove", "take_away", is_flag=True, help="Take everything away again.")
@click.option("--gate-role", help="PostgreSQL: the role that may write grants.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON.")
@click.pass_context
def protect(
    ctx: click.Context,
    url: str,
    only_check: bool,
    take_away: bool,
    gate_role: str | None,
    as_json: bool,
) -> None:
    """Put triggers below the registry at URL, by the rules of aims.yaml.

    Without URL, that of MLFLOW_DATABASE: a password on a command line is there for every process.
    Exit 0: in place (or removed). 1: something is missing or was changed.
    """
    from aims_mlops.inventory.project import find_project
    from aims_mlops.mlflow_plugin.protection.protect import check, install, remove

    project = find_project()
    if take_away:
        remove(url)
        click.echo("✓ triggers, rules and grants are removed")
        return
    found = check(url, project) if only_check else install(url, project, gate_role=gate_role)
    if as_json:
        click.echo(json.dumps({**asdict(found), "holds": found.holds}, indent=2))
    elif found.holds:
        click.echo(f"✓ protected: {found.database}")
        if not only_check:
            click.echo("Next: restart the gated MLflow servers, so that they write grants")
    else:
        click.echo(f"✗ not protected: {found.database}")
        for name in found.missing:
            click.echo(f"  missing  {name}")
        for name in found.changed:
            click.echo(f"  changed  {name}")
        click.echo("Next: aims mlflow protect URL")
    ctx.exit(0 if found.holds else 1)
