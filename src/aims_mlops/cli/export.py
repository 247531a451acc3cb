"""`aims evidence export`: the log, or a part of it, as one file for `aims-verify`."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import click

from aims_mlops.cli.chosen import CONTROL, FROM, UNTIL, beginning, end, known_controls
from aims_mlops.visible import one_line


@click.command("export")
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--system", help="Only evidence of this AI system.")
@click.option("--kind", multiple=True, help="Only this kind; may be given several times.")
@click.option("--model", help="Only evidence about this model: a URI or its SHA-256.")
@click.option("--subject", help="Only evidence about this SHA-256 digest.")
@click.option("--run", "run_id", help="Only evidence of this run.")
@FROM
@UNTIL
@CONTROL
@click.option("--no-blobs", is_flag=True, help="Leave the content of blobs out.")
@click.option("--personal", is_flag=True, help="Put personal content in as well.")
@click.option(
    "--since",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that the auditor kept; a part of the log then proves that it continues it.",
)
@click.option(
    "--withhold",
    metavar="KIND",
    multiple=True,
    help="Leave out the content of this kind, not its proof; aims-verify asks to accept that.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def export_evidence(
    path: Path,
    system: str | None,
    kind: tuple[str, ...],
    model: str | None,
    subject: str | None,
    run_id: str | None,
    first: str | None,
    last: str | None,
    control: tuple[str, ...],
    no_blobs: bool,
    personal: bool,
    since: Path | None,
    withhold: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write evidence to FILE, which `aims-verify FILE` checks without a store or a server."""
    from aims_mlops.evidence.store import as_stored
    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.bundle.export import Scope, export_bundle

    if model is not None and subject is not None:
        raise click.UsageError("--model and --subject name the same thing; give one of them")
    scope = Scope(
        system=system,
        kind=kind or None,
        subject=_digest_of(model) if model is not None else subject,
        run=run_id,
        received_from=beginning(first),
        received_before=end(last),
        control=known_controls(control) or None,
    )
    store = find_project().open_store()
    done = export_bundle(
        # Its verifier judges every row of a whole log, and cannot tell what a part leaves out.
        as_stored(store) if scope.chosen() is None else store,
        path,
        scope=scope,
        blobs=not no_blobs,
        personal=personal,
        since=since.read_text(encoding="utf-8") if since is not None else None,
        withhold=withhold,
    )
    if as_json:
        click.echo(json.dumps({**asdict(done), "path": str(done.path)}, indent=2))
        return
    where = one_line(str(done.path))
    click.echo(
        f"Wrote {done.records} of {done.log_size} records and {done.blobs} blobs to {where} "
        f"({done.size} bytes, SHA-256 {done.sha256[:16]}…)."
    )
    click.echo(f"Next: aims-verify {where}")


def _digest_of(model: str) -> str:
    """The content digest of a model given by URI or by the digest itself."""
    if re.fullmatch(r"(sha256:)?[0-9a-f]{64}", model):
        return model.removeprefix("sha256:")
    from aims_mlops.errors import ModelNotFoundError
    from aims_mlops.plugins import hooks

    found = hooks().resolve_model(uri=model)
    if found is None:
        raise ModelNotFoundError(
            "no plugin knows models of this form", got=model[:120], expected="models:/name/version"
        )
    return str(found.sha256)
