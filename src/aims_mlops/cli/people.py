"""`aims people`: whose signing key is whose."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from aims_mlops.cli.who import AS
from aims_mlops.errors import InputError

_key = click.option("--key", help="The beginning of the key or fingerprint, if there are several.")


@click.group("people")
def group() -> None:
    """Enrol the keys that people sign with; confirm, list and end them."""


@group.command("enrol")
@AS
@click.option(
    "--list",
    "listed",
    is_flag=True,
    help="Also write it into aims.yaml: for the first two people, who confirm each other.",
)
@click.option("--new-key", is_flag=True, help="Make a new key; the old one ends once confirmed.")
@click.option(
    "--token",
    envvar="AIMS_ID_TOKEN_FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with an ID token of the identity provider, to enrol that account as well.",
)
def enrol_key(person: str | None, listed: bool, new_key: bool, token: Path | None) -> None:
    """Put your own signing key into the log, made now if there is none.

    It counts once another person confirms it, whose own key was confirmed or stands in aims.yaml.
    """
    from aims_mlops.approvals.enrol import enrol, fingerprint
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.listing import list_key
    from aims_mlops.inventory.project import find_project

    project = find_project()
    who = acting(project, person)
    text = token.read_text(encoding="utf-8") if token is not None else None
    given = enrol(project, project.open_store(), person=who, token=text, new_key=new_key)
    public = given.key.signer.public.hex()
    if given.key.is_new:
        click.echo(f"✓ made a signing key: {given.key.path} (keep it to yourself)")
    click.echo(f"✓ enrolled the key of {who}: record {given.record.id[:8]}")
    click.echo(f"  fingerprint {fingerprint(public)}")
    if listed and project.path is not None:
        list_key(project.path, who, public)
        click.echo(f"✓ listed it in {project.path.name}: have the change reviewed")
    click.echo("Next: somebody who compared the fingerprint with you:")
    click.echo(f"        aims people confirm {who} --as PERSON")
    if not listed:
        click.echo("      (the first two people also list theirs in aims.yaml: --list)")


@group.command("confirm")
@click.argument("who")
@_key
@AS
@click.option("--yes", is_flag=True, help="Do not ask after showing the fingerprint.")
def confirm_key(who: str, key: str | None, person: str | None, yes: bool) -> None:
    """Confirm, signed, that a key is WHO's: you compared its fingerprint with WHO."""
    from aims_mlops.approvals.enrol import confirm, fingerprint, waiting
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project

    project = find_project()
    store = project.open_store()
    entry = waiting(project, store, who, key)
    by = acting(project, person)
    click.echo(f"{entry.human} enrolled a key on {entry.record.received_at[:10]}")
    click.echo(f"  fingerprint {fingerprint(entry.key)}")
    if entry.account is not None:
        click.echo(f"  with an account at the identity provider, {entry.account[:16]}…")
    if not yes:
        click.confirm(f"Did {entry.human} tell {by} this fingerprint?", abort=True)
    record = confirm(project, store, entry, by=by)
    click.echo(f"✓ {by} confirmed the key of {entry.human}: record {record.id[:8]}")


@group.command("end")
@click.argument("who")
@click.option("--reason", required=True, help="Such as: left the company, laptop stolen.")
@click.option("--doubtful-from", help="RFC 3339: what was signed from then on does not count.")
@_key
@AS
def end_key(
    who: str, reason: str, doubtful_from: str | None, key: str | None, person: str | None
) -> None:
    """End a key of WHO: nothing signed with it from now on counts."""
    from aims_mlops.approvals.enrol import end
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project

    project = find_project()
    by = acting(project, person)
    record = end(
        project,
        project.open_store(),
        person=who,
        by=by,
        reason=reason,
        key=key,
        doubtful_from=_moment(doubtful_from),
    )
    body = record.evidence.body
    click.echo(f"✓ {by} ended the key {body['key'][:16]}… of {body['person']}: {record.id[:8]}")
    click.echo(f"Next: aims people enrol --new-key --as {body['person']}, or take them out of")
    click.echo("      people in aims.yaml")


@group.command("invite")
@click.argument("who")
@click.option("--system", "systems", multiple=True, help="Only this AI system; may be repeated.")
@click.option("--days", type=click.IntRange(1, 366), help="Access ends for good after so long.")
@click.option(
    "--hours",
    type=click.FloatRange(0, 72, min_open=True),
    default=1,
    show_default=True,
    help="How long the link waits to be used.",
)
@click.option("--url", default="http://127.0.0.1:8042", show_default=True, help="Of the server.")
@AS
def invite(
    who: str, systems: tuple[str, ...], days: int | None, hours: float, url: str, person: str | None
) -> None:
    """Make a link that lets WHO into the web console, once."""
    from aims_mlops.cli.assessing import acting, known_system
    from aims_mlops.errors import InputError
    from aims_mlops.inventory.project import find_project
    from aims_mlops.web.auth.doorkeeper import FILE, Doorkeeper

    project = find_project()
    known = project.person(who)
    if known is None:
        raise InputError(
            "aims.yaml names no such person",
            got=repr(who),
            expected="one of " + (", ".join(p.id for p in project.people) or "people in aims.yaml"),
        )
    for system in systems:
        known_system(project, system)
    secret = Doorkeeper(project.root / FILE).invite(
        known.id,
        by=acting(project, person),
        hours=hours,
        systems=systems,
        until=datetime.now(UTC) + timedelta(days=days) if days else None,
    )
    click.echo(f"{url.rstrip('/')}/console/sign-in/{secret}")
    click.echo(f"It lets {known.id} in once, within {hours:g} h. Give it to nobody else.", err=True)


@group.command("list")
@click.option("--json", "as_json", is_flag=True)
def list_people(as_json: bool) -> None:
    """List everybody in aims.yaml with roles, keys, and who confirmed them."""
    from aims_mlops.approvals.enrol import enrolments, fingerprint
    from aims_mlops.cli.table import table
    from aims_mlops.inventory.project import find_project

    project = find_project()
    found = enrolments(project, project.open_store())
    rows: list[dict[str, Any]] = []
    for person in project.people:
        if person.acts_for is not None:
            continue
        about = {"person": person.id, "roles": list(person.roles)}
        listed = {key.public_key for key in person.keys}
        entries = [entry for entry in found.entries if entry.human == person.id]
        for entry in entries:
            ended = found.ended(entry)
            rows.append(
                {
                    **about,
                    "key": entry.key,
                    "fingerprint": fingerprint(entry.key),
                    "state": "ended" if ended else "confirmed" if entry.confirmations else "waits",
                    "enrolled_at": entry.record.received_at,
                    "confirmed_by": sorted({who for who, _ in entry.confirmations}),
                    "listed": entry.key in listed,
                    "ended_by": ended.record.evidence.actor if ended else None,
                }
            )
        rows += [
            {**_none(about), "key": key, "fingerprint": fingerprint(key), "state": "listed only",
             "listed": True}
            for key in sorted(listed - {entry.key for entry in entries})
        ]  # fmt: skip
        if not entries and not listed:
            rows.append(_none(about))
    if as_json:
        click.echo(json.dumps(rows, indent=2, sort_keys=True))
        return
    if not rows:
        click.echo("aims.yaml names nobody under people")
        return
    click.echo(
        table(
            ("PERSON", "ROLES", "FINGERPRINT", "STATE", "BY", "AIMS.YAML"),
            [
                (
                    row["person"],
                    ", ".join(row["roles"]) or "-",
                    (row["fingerprint"] or "-")[:19],
                    _state(row),
                    row["ended_by"] or ", ".join(row["confirmed_by"]) or "-",
                    "lists it" if row["listed"] else "-",
                )
                for row in rows
            ],
        )
    )
    if project.settings.single_user:
        click.echo("Single-user mode: separation of duties is not enforced in this project.")


def _state(row: dict[str, Any]) -> str:
    """In words. A listed key vouches for others before anybody has confirmed it for its owner."""
    if row["state"] == "waits" and row["listed"]:
        return "waits; may confirm others"
    return str(row["state"])


def _none(about: dict[str, Any]) -> dict[str, Any]:
    return {**about, "key": None, "fingerprint": None, "state": "no key", "enrolled_at": None,
            "confirmed_by": [], "listed": False, "ended_by": None}  # fmt: skip


def _moment(said: str | None) -> datetime | None:
    from aims_mlops.evidence.clock import parse

    try:
        return None if said is None else parse(said)
    except ValueError:
        raise InputError(
            "--doubtful-from is no time", got=repr(said)[:60], expected="such as 2026-11-21T09:00Z"
        ) from None
