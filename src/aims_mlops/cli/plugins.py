"""`aims plugins`: what is loaded, with name and version."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from aims_mlops.cli.table import table
from aims_mlops.plugins import loaded_plugins


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(as_json: bool) -> None:
    """List the plugins, built-in ones first; a broken or barred one says why."""
    plugins = loaded_plugins()
    if as_json:
        click.echo(json.dumps([asdict(plugin) for plugin in plugins], indent=2))
        return
    rows = [
        (p.name, p.version, p.origin, p.problem or ", ".join(p.hooks) or "no hooks")
        for p in plugins
    ]
    click.echo(table(("NAME", "VERSION", "ORIGIN", "HOOKS"), rows))
