"""`aims report review`: the inputs of a management review, frozen by digest."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aims_mlops.cli.chosen import FROM, beginning, end
from aims_mlops.errors import InputError


@click.command("review")
@FROM
@click.option("--to", "last", help="Only until this day (UTC), all of it, or this time.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write one self-contained page to this file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(first: str | None, last: str | None, html: Path | None, as_json: bool) -> None:
    """Gather what top management looks at (9.3.2), and freeze it under a digest.

    The entry of the review names the digest as `pack`: aims record add --template management-review
    """
    from datetime import UTC, datetime, timedelta
    from itertools import takewhile

    from aims_mlops.cli.output_file import write_text
    from aims_mlops.evidence.clock import parse
    from aims_mlops.evidence.store import signed
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.read import register_of
    from aims_mlops.management.reviews.pack import frozen
    from aims_mlops.report import review

    since, before = beginning(first), end(last)
    if before is not None and parse(before) > datetime.now(UTC) + timedelta(days=1):
        raise InputError("--to lies in the future", got=before[:10], expected="today or earlier")
    if since is not None and before is not None and since >= before:
        raise InputError("--from lies after --to", got=f"{since[:10]} and {before[:10]}")
    project = find_project()
    store = project.open_store()
    log = store.status().log_id
    records = list(
        takewhile(lambda r: before is None or r.received_at < before, signed(store).find())
    )
    body = review.review(records, register_of(project, records), log=log, first=since, last=before)
    held = store.put_blob(frozen(body), media_type="application/json")
    if html is not None:
        alone = project.settings.single_user
        write_text(html, review.as_html(body, held.sha256, single_user=alone))
    if as_json:
        click.echo(json.dumps(body | {"sha256": held.sha256}, indent=2))
    else:
        click.echo(review.as_text(body, held.sha256))
        if html is not None:
            click.echo(f"wrote {html}")
