"""`aims policy`: check and explain policies."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group("policy")
def group() -> None:
    """Check and explain policies."""


@group.command("lint")
@click.argument("files", nargs=-1, required=True)
def lint_policy(files: tuple[str, ...]) -> None:
    """Check policy files: exit 0 if they are right, 2 with every problem and its line if not."""
    from aims_mlops.policy.loading import load_policy

    for file in files:
        policy = load_policy(file)
        count = len(policy.requires) + len(policy.rules)
        click.echo(f"✓ {file}: {policy.id}, {count} rules, digest {policy.digest[:16]}…")


@group.command("explain")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="The resolved policy as JSON.")
def explain_policy(file: str, as_json: bool) -> None:
    """Say in words what a policy asks for, with what it inherits."""
    from aims_mlops.policy.explain import explain
    from aims_mlops.policy.loading import load_policy

    policy = load_policy(file)
    if as_json:
        body = {"sha256": policy.digest, "bases": list(policy.bases), **policy.content()}
        click.echo(json.dumps(body, indent=2, sort_keys=True))
    else:
        click.echo(explain(policy))


@group.command("list")
def list_packs() -> None:
    """List the packs that ship with aims-mlops."""
    from aims_mlops.cli.tables import table
    from aims_mlops.policy.loading import load_policy
    from aims_mlops.policy.packs import pack_names

    packs = [load_policy(name) for name in pack_names()]
    rows = [(p.id, p.document.date or "", p.document.title) for p in packs]
    click.echo(table(("pack", "date", "title"), rows))


@group.command("pin")
@click.argument("file")
def pin_policy(file: str) -> None:
    """Put a policy into the log by its digest, before the runs that it will judge."""
    from aims_mlops.assessments.declaring import declare_policy
    from aims_mlops.inventory.identity import current_actor
    from aims_mlops.inventory.project import find_project
    from aims_mlops.policy.loading import load_policy

    project = find_project()
    policy = load_policy(file)
    record = declare_policy(project.open_store(), policy, actor=current_actor(project))
    click.echo(f"✓ {policy.id} {policy.digest[:16]}… is record {record.id[:8]} in the log")


@group.command("schema")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path))
def policy_schema(output: Path | None) -> None:
    """Print the JSON Schema of a policy file, for editors."""
    from aims_mlops.policy.grammar import json_schema

    text = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"✓ wrote {output}")
