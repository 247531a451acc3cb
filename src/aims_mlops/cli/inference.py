"""`aims inference`: what is in a system's inference log, labels for it, and the end of its days."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.report.render.one_line import plural

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("inference")
def group() -> None:
    """Look at the log of a system's predictions (A.6.2.8)."""


@group.command("status")
@click.argument("system")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1), help="How far back.")
@_JSON
def status(system: str, days: int, as_json: bool) -> None:
    """Show what is in the log of SYSTEM and what was dropped or lost.

    What killed processes of this machine lost is put on record first.
    """
    from aims_mlops.cli.plain import plain
    from aims_mlops.inference_log.reading.summary import summary
    from aims_mlops.inference_log.recorder.recovery import tell_losses
    from aims_mlops.inventory.project import find_project

    project = find_project()
    lost = tell_losses(project)
    found = summary(project, system, days=days)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if lost:
        click.echo(f"{plural(lost, 'row')} lost with processes that were killed; now on record")
    for day in found["days"]:
        click.echo(f"{day['day']}  {day['files']} files, {day['size'] / 1e6:.1f} MB")
    if not found["days"]:
        click.echo(f"no predictions of the last {days} days in {plain(found['folder'])}")
    click.echo(
        f"on record since {found['since']}: {found['rows']} rows answered, {found['written']} "
        f"written, {found['lost']} lost"
    )
    for reason, rows in sorted(found["dropped"].items()):
        click.echo(plain(f"  dropped, {reason}: {plural(rows, 'row')}"))
    for problem in found["problems"]:
        click.echo(plain(f"  ! {problem['what']}: {problem['file']}: {problem['words']}"))


@group.command("prune")
@click.argument("system")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@_JSON
def prune_command(system: str, dry_run: bool, as_json: bool) -> None:
    """Delete the days of SYSTEM's log that are past `retention_days`, and record that."""
    from aims_mlops.inference_log.reading.retention import prune
    from aims_mlops.inventory.declared.inference_settings import SIX_MONTHS_DAYS

    pruned = prune(system, project=_project(), dry_run=dry_run)
    days = {part: [day.isoformat() for day in of] for part, of in pruned.days.items()}
    if as_json:
        said: dict[str, Any] = {
            "system": system,
            "retention_days": pruned.retention_days,
            "before": pruned.before.isoformat(),
            "days": days,
            "files": pruned.files,
            "dry_run": dry_run,
        }
        click.echo(json.dumps(said, indent=2))
        return
    word = "would delete" if dry_run else "✓ deleted"
    count = sum(map(len, days.values()))
    click.echo(f"{word} {count} days before {pruned.before} with {pruned.files} files")
    if pruned.retention_days < SIX_MONTHS_DAYS:
        click.echo(f"  kept for {pruned.retention_days} days only, less than six months")


@group.command("labels")
@click.argument("system")
@click.argument("data")
@click.option("--label", default="label", show_default=True, help="Column with the labels.")
@_JSON
def labels(system: str, data: str, label: str, as_json: bool) -> None:
    """Record labels from DATA, a Parquet, CSV or Arrow file with request_id, row and the label.

    Exit 1 if some belong to no prediction or not to one alone; they are recorded all the same.
    """
    from aims_mlops.inference_log.reading.record_labels import record_labels

    found = record_labels(system, data, label=label, project=_project())
    click.echo(json.dumps(found.to_body(), indent=2) if as_json else f"✓ {found}")
    if found.unknown or found.ambiguous:
        raise click.exceptions.Exit(1)


@group.command("override")
@click.argument("request_id")
@click.option("--was", required=True, help="What the model said.")
@click.option("--now", required=True, help="What counts instead.")
@click.option("--who", required=True, help="Who decided.")
@click.option("--reason", required=True, help="Why.")
@click.option("--system", help="The AI system; may be left out in a project with one.")
@click.option("--row", default=0, help="Which row of the request.")
def override(
    request_id: str, was: str, now: str, who: str, reason: str, system: str | None, row: int
) -> None:
    """Record that a person decided otherwise than the model."""
    from aims_mlops.inference_log.reading.overrides import record_override

    record_override(request_id, was, now, who, reason, system=system, row=row, project=_project())
    click.echo("✓ recorded")


def _project() -> Project:
    from aims_mlops.inventory.project import find_project

    return find_project()
