"""`aims export`: what the log knows, in the formats of others."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aims_mlops.exports.export import Exported


@click.command("export")
@click.argument("name", metavar="[FORMAT]", required=False)
@click.argument("subject", metavar="[MODEL|SYSTEM]", required=False)
@click.option("--version", help="Of the format; the newest that is offered if not given.")
@click.option("--as", "file", help="html, docx, xlsx, pdf or json, where the format has them.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--publish", metavar="NAME", help="Hand it to this receiver of aims.yaml.")
@click.option("--list", "listed", is_flag=True, help="List the formats with their versions.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object about what was written.")
def command(
    name: str | None,
    subject: str | None,
    version: str | None,
    file: str | None,
    out: Path | None,
    publish: str | None,
    listed: bool,
    as_json: bool,
) -> None:
    """Write what the log knows of MODEL or SYSTEM as FORMAT, to a file or standard output.

    The same position of the log gives the same bytes.
    """
    from aims_mlops.exports.export import FORMATS, export

    if listed or name is None:
        rows = [
            {
                "format": f.name,
                "about": f.about,
                "versions": list(f.versions),
                "files": list(f.files),
                "title": f.title,
            }
            for f in FORMATS.values()
        ]
        if as_json:
            click.echo(json.dumps(rows, indent=2))
        else:
            _print_list()
        return
    if subject is None:
        raise click.UsageError("name the model (a URI, a path, its SHA-256) or the AI system")
    if as_json and out is None:
        raise click.UsageError("--json says what was written to a file; give --out FILE")
    from aims_mlops.cli.output_file import write_bytes
    from aims_mlops.inventory.project import find_project

    made = export(find_project().open_store(), name, subject, version=version, file=file)
    if publish is not None:
        click.echo(_publish(made, subject, publish), err=True)
    if out is None and publish is not None:
        return
    if out is None:
        sys.stdout.buffer.write(made.content)
        return
    write_bytes(out, made.content)
    if as_json:
        said = {
            "format": made.format,
            "version": made.version,
            "file": made.file,
            "path": str(out),
            "bytes": len(made.content),
            "log_id": made.log_id,
            "size": made.size,
        }
        click.echo(json.dumps(said, indent=2))
    else:
        click.echo(
            f"wrote {out}: {made.format} {made.version} as {made.file}, log at {made.size} records"
        )


def _publish(made: Exported, subject: str, receiver: str) -> str:
    from aims_mlops.errors import InputError
    from aims_mlops.operations.publishing.report import PublishedReport
    from aims_mlops.plugins import hooks

    report = PublishedReport(
        format=made.format,
        version=made.version,
        media_type=made.media_type,
        content=made.content,
        subject=subject,
        log_id=made.log_id,
        size=made.size,
    )
    done: str | None = hooks().publish_report(report=report, receiver=receiver)
    if done is None:
        raise InputError(
            f"no plugin and no entry of publishers in aims.yaml knows {receiver!r}",
            next_step="name it under publishers in aims.yaml, or see aims plugins",
        )
    return done


def _print_list() -> None:
    from aims_mlops.cli.table import table
    from aims_mlops.exports.export import FORMATS

    rows = [
        (f.name, f.about, ", ".join(f.versions), ", ".join(f.files), f.title)
        for f in FORMATS.values()
    ]
    click.echo(table(("FORMAT", "ABOUT", "VERSIONS", "AS", "WHAT"), rows))
