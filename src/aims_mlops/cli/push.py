"""`aims push`: deliver what is in the spool."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aims_mlops.evidence.urls import without_credentials
from aims_mlops.report.render.one_line import plural

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project

PAUSE = 1.0  # seconds between two attempts


@click.command("push")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=0.0,
    help="Go on trying for so many seconds while the store does not answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def command(ctx: click.Context, wait: float, as_json: bool) -> None:
    """Deliver spooled evidence; safe to repeat, nothing is stored twice.

    Ends with 0 if nothing is left, and with 1 if the store did not answer or refuses something for
    good.
    """
    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.disk.spool import pending, refusals
    from aims_mlops.store.disk.start_marker import adopt_orphans

    project = find_project()
    adopt_orphans(project.root)
    before = len(pending(project.root))
    problem = _deliver(project, wait)
    left, refused = len(pending(project.root)), refusals(project.root)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "store": without_credentials(project.store_url),
                    "batches": before,
                    "pending": left,
                    "refused": [{"file": str(path), "reason": why} for path, why in refused],
                    "problem": str(problem) if problem is not None else None,
                },
                indent=2,
            )
        )
    else:
        _say(project, before, left, refused, problem)
    ctx.exit(1 if left or refused else 0)


def _deliver(project: Project, wait: float) -> Exception | None:
    """Drain the spool; what stopped it, if anything did."""
    from aims_mlops.errors import StoreError
    from aims_mlops.store.disk.spool import drain, pending

    until = time.monotonic() + wait
    while before := pending(project.root):
        try:
            drain(project.root, project.open_store())
            if pending(project.root) == before:
                return None  # nothing moves, and nothing says why
        except StoreError as error:
            if time.monotonic() >= until:
                return error
            time.sleep(min(PAUSE, max(0.0, until - time.monotonic())))
    return None


def _say(
    project: Project,
    before: int,
    left: int,
    refused: list[tuple[Path, str]],
    problem: Exception | None,
) -> None:
    if not before:
        click.echo("The spool is empty.")
    else:
        delivered = before - left
        where = without_credentials(project.store_url)
        click.echo(f"Delivered {delivered} of {before} spooled batches to {where}.")
    if problem is not None:
        click.echo(f"{plural(left, 'batch', 'batches')} not delivered yet: {problem}", err=True)
    if refused:
        click.echo(f"Refused for good and kept for you to look at ({len(refused)}):")
        for path, why in refused:
            click.echo(f"  {path}: {why}")
