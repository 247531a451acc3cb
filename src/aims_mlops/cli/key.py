"""`aims key`: the keys that sign the log, and the key of a person who approves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from aims_mlops.cli.table import table

if TYPE_CHECKING:
    from aims_mlops.store.log.sql import SqlStore


@click.group("key")
def group() -> None:
    """Create, list, rotate and revoke signing keys."""


def _log(purpose: str) -> tuple[SqlStore, str]:
    from aims_mlops.inventory.actor import current_actor
    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.local import local_log

    project = find_project()
    return local_log(project.open_store(), purpose), current_actor(project)


@group.command("init")
@click.option("--person", metavar="ID", help="Make the approval key of this person instead.")
def init_key(person: str | None) -> None:
    """Make the log's key (with the log), or a person's, and print the public half."""
    if person is not None:
        from aims_mlops.approvals.keys.personal_key import personal_key

        made = personal_key(person)
        click.echo(f"{'Made' if made.is_new else 'Already there'}: {made.path}")
        click.echo(f"public key of {person}: {made.signer.public.hex()}")
        return
    from aims_mlops.store.administration.key_rotation import list_keys

    store, _ = _log("making the log's key")
    click.echo(f"The log {store.log_id} is signed with the key in {store.key_folder}.")
    click.echo("Hand this over to your auditor, by another way than the log itself:")
    click.echo(list_keys(store)[0].verifier)


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_log_keys(as_json: bool) -> None:
    """List the keys of the log, oldest first, with the records that each signs."""
    from aims_mlops.store.administration.key_rotation import list_keys

    store, _ = _log("listing the log's keys")
    keys = list_keys(store)
    if as_json:
        rows = [
            {
                "key_id": k.key_id,
                "verifier": k.verifier,
                "valid_from": k.valid_from,
                "valid_until": k.valid_until,
                "revoked_from": k.revoked_from,
            }
            for k in keys
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    lines = []
    for k in keys:
        span = f"{k.valid_from} to {'now' if k.valid_until is None else k.valid_until - 1}"
        doubt = "-" if k.revoked_from is None else f"from {k.revoked_from}"
        lines.append((k.key_id[:16], span, doubt, k.verifier))
    click.echo(table(("KEY", "RECORDS", "REVOKED", "VERIFIER"), lines))


@group.command("rotate")
@click.option("--reason", default="rotation", show_default=True, help="Goes on record.")
@click.option("--signer", metavar="URL", help="The new key, in a key management service.")
def rotate(reason: str, signer: str | None) -> None:
    """Hand the log over to a new key; the old private key is destroyed."""
    from aims_mlops.store.administration.key_rotation import list_keys, rotate_key
    from aims_mlops.store.opening import open_signer

    store, actor = _log("rotating the log's key")
    new = None if signer is None else open_signer(signer)
    record = rotate_key(store, actor=actor, reason=reason, signer=new)
    key = list_keys(store)[-1]
    click.echo(f"Key {key.key_id[:16]} signs from record {key.valid_from} on.")
    click.echo(f"The handover is record {record.sequence}, {record.id[:12]}.")
    if signer is not None:
        click.echo(f"Set AIMS_SIGNER={signer} wherever the log is written.")
    click.echo(key.verifier)


@group.command("revoke")
@click.argument("key")
@click.option("--since", type=click.IntRange(0), required=True, help="First record in doubt.")
@click.option("--reason", required=True, help="Goes on record.")
def revoke(key: str, since: int, reason: str) -> None:
    """Put on record that what KEY signed is in doubt from a record on."""
    from aims_mlops.store.administration.key_rotation import revoke_key

    store, actor = _log("revoking a key")
    record = revoke_key(store, key, since=since, actor=actor, reason=reason)
    click.echo(f"On record {record.sequence}, {record.id[:12]}; verification will say so.")
