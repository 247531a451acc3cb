"""`aims crosswalk`: what the log has for the rows of another framework."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from aims_mlops.cli.output_file import write_text

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("crosswalk")
@click.option("--to", "framework", help="A framework that ships, or a file of your own.")
@click.option("--system", help="Only evidence of this AI system.")
@click.option("--lint", type=_FILE, help="Check a crosswalk file of your own, and stop.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of such a file, and stop.")
@click.option("--html", type=_FILE, help="Write one self-contained page to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(
    framework: str | None,
    system: str | None,
    lint: Path | None,
    schema: bool,
    html: Path | None,
    as_json: bool,
) -> None:
    """Show, for each row of another framework, what the log has, and what nothing reaches.

    Without --to, the frameworks that ship are listed.
    """
    from aims_mlops.cli.report import stream_of_system
    from aims_mlops.management.crosswalks.crosswalk import json_schema, read_crosswalk, read_file

    if schema:
        click.echo(json.dumps(json_schema(), indent=2, sort_keys=True))
        return
    if lint is not None:
        found = read_file(lint)
        click.echo(f"✓ {lint}: {found.id}, {len(found.rows)} rows, as of {found.as_of}")
        return
    if framework is None:
        if html is not None:
            raise click.UsageError("--html needs --to NAME; aims crosswalk lists the names")
        _list(as_json)
        return
    walk = read_crosswalk(framework)
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.read import open_register
    from aims_mlops.report import crosswalk
    from aims_mlops.report.coverage.coverage import cover
    from aims_mlops.report.coverage.declared import declarations

    project = find_project()
    store = project.open_store()
    log = store.status()
    records = list(stream_of_system(store, project, system))
    register, now = open_register(project, store), datetime.now(UTC)
    declared = declarations(register, now, system=system)
    covered = cover(records, now, system=system, log=log, declared=declared)
    crossed = crosswalk.cross(walk, covered, register, records, system=system)
    if html is not None:
        write_text(html, crosswalk.as_html(crossed, single_user=project.settings.single_user))
    if as_json:
        click.echo(json.dumps(crosswalk.as_json(crossed), indent=2))
    else:
        click.echo(crosswalk.as_text(crossed) if html is None else f"wrote {html}")


def _list(as_json: bool) -> None:
    from aims_mlops.cli.table import table
    from aims_mlops.management.crosswalks.crosswalk import read_crosswalk, shipped

    walks = [read_crosswalk(name) for name in shipped()]
    if as_json:
        rows = [
            {
                "id": walk.id,
                "title": walk.title,
                "edition": walk.edition,
                "date": str(walk.date),
                "as_of": str(walk.as_of),
                "rows": len(walk.rows),
            }
            for walk in walks
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(
        table(
            ("FRAMEWORK", "TITLE", "EDITION", "ROWS", "AS OF"),
            [(w.id, w.title, w.edition, str(len(w.rows)), str(w.as_of)) for w in walks],
        )
    )
