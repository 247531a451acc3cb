"""`aims system`: what becomes of AI systems as a whole."""

from __future__ import annotations

from datetime import UTC, datetime

import click


@click.group("system")
def group() -> None:
    """Record what becomes of an AI system of the inventory."""


@group.command("rename")
@click.argument("old")
@click.argument("new")
@click.option("--reason", required=True, help="Why, in a sentence.")
def rename(old: str, new: str, reason: str) -> None:
    """Record that the system OLD is NEW in aims.yaml now; its history counts for NEW.

    What is in operation, was due and is open goes on under the new id. Impact assessments and
    approvals name the system that they are about: they are submitted and given anew.
    """
    from shlex import quote

    from aims_mlops.cli.plain import plain
    from aims_mlops.evidence.kinds import USE_KINDS
    from aims_mlops.inventory.actor import current_actor
    from aims_mlops.inventory.project import find_project
    from aims_mlops.operations.in_use import in_use
    from aims_mlops.operations.schedule.steps import rename_system

    project = find_project()
    store = project.open_store()
    record = rename_system(
        store,
        project,
        old,
        new,
        actor=current_actor(project),
        now=datetime.now(UTC),
        reason=reason,
    )
    click.echo(plain(f"✓ {old} is {new} from now on (record {record.id[:12]})"))
    in_operation = {use.uri for use in in_use(store.find(kind=USE_KINDS, system=old))}
    for uri in sorted(in_operation):
        step = f"aims assess submit --model {quote(uri)}"
        click.echo(
            plain(f"Next: the assessment of {uri} is about {old}; submit it for {new}: {step}")
        )
