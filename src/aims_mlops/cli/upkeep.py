"""`aims evidence verify|anchor|erase|hold|prune`: what the keeper of a log does with it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aims_mlops.cli.table import table
from aims_mlops.report.render.one_line import plural

if TYPE_CHECKING:
    from aims_mlops.store.log.sql import SqlStore

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


def _log(purpose: str) -> tuple[SqlStore, str]:
    from aims_mlops.inventory.actor import current_actor
    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.local import local_log

    project = find_project()
    return local_log(project.open_store(), purpose), current_actor(project)


@click.command("verify")
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--whole", is_flag=True, help="Read everything again, whatever the state says.")
@click.option("--checkpoint", "kept", type=_FILE, multiple=True, help="A checkpoint kept outside.")
@click.option("--key", "trusted", multiple=True, help="The log's first key, as handed over.")
@click.option("--tsa-root", "roots", type=_FILE, multiple=True, help="PEM of a time-stamp root.")
@click.option("--no-blobs", is_flag=True, help="Leave the blobs unread.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    state: Path | None,
    whole: bool,
    kept: tuple[Path, ...],
    trusted: tuple[str, ...],
    roots: tuple[Path, ...],
    no_blobs: bool,
    as_json: bool,
) -> None:
    """Verify the log; with --state FILE only what is new since FILE was written.

    Ends with 0 if everything holds and with 1 if anything fails.
    """
    from aims_mlops.evidence.transparency.note import VerifierKey
    from aims_mlops.store.disk.atomic_write import write_file
    from aims_mlops.store.verify.verify import Verified, verify_store

    store, _ = _log("verifying")
    since = None
    if state is not None and state.exists() and not whole:
        since = Verified.from_json(state.read_text("utf-8"))
    report = verify_store(
        store,
        since=since,
        kept=[path.read_text("utf-8") for path in kept],
        trusted=[VerifierKey.parse(text) for text in trusted],
        authorities=roots,
        blobs=not no_blobs,
    )
    if report.verified is not None and state is not None:
        write_file(state.absolute(), report.verified.to_json().encode())
    if as_json:
        fields = ("log_id", "size", "root", "since", "checked", "signatures", "blobs")
        document = {name: getattr(report, name) for name in fields}
        document |= {
            "ok": report.ok,
            "holds": report.holds,
            "failures": report.failures,
            "open": report.open_points,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(f"{report.checked} of {report.size} records of log {report.log_id} read.")
        for head, lines in (
            ("holds", report.holds),
            ("FAILS", report.failures),
            ("open", report.open_points),
        ):
            for line in lines:
                click.echo(f"{head:>6}  {line}")
    ctx.exit(0 if report.ok else 1)


@click.command("anchor")
@click.option("--file", "file", type=click.Path(path_type=Path), help="A file or a folder.")
@click.option("--git", "repository", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--push", is_flag=True, help="Push the git repository as well.")
@click.option("--tsa", metavar="URL", help="An RFC 3161 time-stamp authority.")
@click.option("--tsa-root", "roots", type=_FILE, multiple=True, help="PEM of its root.")
@click.option("--list", "show", is_flag=True, help="List the anchors on record.")
def anchor(
    file: Path | None,
    repository: Path | None,
    push: bool,
    tsa: str | None,
    roots: tuple[Path, ...],
    show: bool,
) -> None:
    """Give the log's checkpoint to somebody outside and put that on record."""
    from aims_mlops.store.administration.anchors import (
        anchor_to_file,
        anchor_to_git,
        anchor_to_tsa,
        anchors,
    )

    store, actor = _log("anchoring")
    if show:
        rows = [(str(a.sequence), a.method, str(a.size), a.place) for a in anchors(store)]
        click.echo(table(("SEQ", "METHOD", "RECORDS", "PLACE"), rows))
        return
    done = []
    if file is not None:
        done.append(anchor_to_file(store, file, actor=actor))
    if repository is not None:
        done.append(anchor_to_git(store, repository, actor=actor, push=push))
    if tsa is not None:
        done.append(anchor_to_tsa(store, tsa, actor=actor, roots=roots))
    if not done:
        raise click.UsageError("Say where: --file, --git or --tsa.")
    for record in done:
        body = record.evidence.body
        click.echo(f"{body['size']} records anchored by {body['method']} at {body['place']}.")


@click.command("erase")
@click.argument("blob")
@click.option("--reason", required=True, help="Goes on record.")
@click.confirmation_option(prompt="The content cannot be brought back. Erase it?")
def erase(blob: str, reason: str) -> None:
    """Destroy the content of BLOB (its digest); every proof stays valid."""
    from aims_mlops.store.administration.erasure import erase as erase_blob

    store, actor = _log("erasing")
    record = erase_blob(store, blob, actor=actor, reason=reason)
    click.echo(f"Content erased, commitment intact; on record {record.sequence}.")


@click.command("hold")
@click.argument("digests", nargs=-1)
@click.option("--reason", help="Goes on record.")
@click.option("--release", metavar="ID", help="End the hold that this record set.")
@click.option("--list", "show", is_flag=True, help="List the holds in force.")
def hold(digests: tuple[str, ...], reason: str | None, release: str | None, show: bool) -> None:
    """Forbid erasing content of these subjects or blobs until the hold is released."""
    from aims_mlops.store.administration.erasure import holds, place_hold, release_hold

    store, actor = _log("holding")
    if show:
        rows = [(h.record_id[:12], h.reason, " ".join(h.subjects)) for h in holds(store)]
        click.echo(table(("ID", "REASON", "COVERS"), rows))
        return
    if not reason:
        raise click.UsageError("A hold and its release need a --reason.")
    if release is not None:
        release_hold(store, release, actor=actor, reason=reason)
        click.echo("Hold released.")
        return
    if not digests:
        raise click.UsageError("Name at least one digest to hold.")
    record = place_hold(store, digests, actor=actor, reason=reason)
    click.echo(f"Held; release with: aims evidence hold --release {record.id[:12]} --reason ...")


@click.command("prune")
@click.option("--older-than-days", type=click.IntRange(1), required=True)
@click.option("--kind", "kinds", multiple=True, help="Only content of these kinds of evidence.")
def prune(older_than_days: int, kinds: tuple[str, ...]) -> None:
    """Prune blobs that are past their time; records and proofs stay."""
    from aims_mlops.store.administration.erasure import prune as prune_blobs

    store, actor = _log("pruning")
    age = timedelta(days=older_than_days)
    records = prune_blobs(store, older_than=age, actor=actor, kinds=kinds or None)
    count = sum(len(r.evidence.body["blobs"]) for r in records)
    click.echo(f"{plural(count, 'blob')} pruned; {plural(len(records), 'record')} of it.")


@click.command("clock-change")
@click.option("--reason", required=True, help="Goes on record.")
def clock_change(reason: str) -> None:
    """Put on record that the clock was set back; the log then goes on from the earlier time."""
    from aims_mlops.store.administration.clock_change import record_clock_change

    store, actor = _log("recording a change of the clock")
    record = record_clock_change(store, actor=actor, reason=reason)
    click.echo(f"On record {record.sequence}, {record.id[:12]}; verification will say so.")


COMMANDS = (verify, anchor, erase, hold, prune, clock_change)


@click.command("role-script")
@click.argument("role")
@click.option("--schema", default="public", show_default=True, help="Where the log's tables are.")
def role_script(role: str, schema: str) -> None:
    """Print SQL that lets a PostgreSQL role add to the log and change nothing in it.

    Run it as the owner of the tables, who made them: aims evidence role-script aims_app | psql …
    """
    from aims_mlops.store.administration.roles import postgresql_role_script

    click.echo(postgresql_role_script(role, schema=schema), nl=False)
