"""`aims policy`: check and explain policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from aims_mlops.cli.plain import plain, plain_lines
from aims_mlops.report.render.one_line import plural


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
        click.echo(f"✓ {file}: {policy.id}, {plural(count, 'rule')}, digest {policy.digest[:16]}…")


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
        click.echo(plain_lines(explain(policy)))


@group.command("list")
def list_packs() -> None:
    """List the packs that ship with aims-mlops."""
    from aims_mlops.cli.table import table
    from aims_mlops.policy.loading import load_policy
    from aims_mlops.policy.packs import pack_names

    packs = [load_policy(name) for name in pack_names()]
    rows = [(p.id, p.document.date or "", p.document.title) for p in packs]
    click.echo(table(("pack", "date", "title"), rows))


@group.command("pin")
@click.argument("file")
def pin_policy(file: str) -> None:
    """Put a policy into the log by its digest, before the runs that it will judge."""
    from aims_mlops.dossier.declarations import declare_policy
    from aims_mlops.inventory.actor import current_actor
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


@group.command("diff")
@click.argument("old")
@click.argument("new")
@click.pass_context
def diff_policies(ctx: click.Context, old: str, new: str) -> None:
    """Show what NEW asks for that OLD does not, and the other way round; exit 1 if anything."""
    from aims_mlops.policy.difference import difference
    from aims_mlops.policy.loading import load_policy

    lines = difference(load_policy(old), load_policy(new))
    for line in lines:
        click.echo(plain(line))
    if lines:
        ctx.exit(1)
    click.echo("✓ both ask for the same")


@group.command("test")
@click.argument("file")
@click.option("--for", "target", help="Only decisions about this target.")
@click.option("--system", help="Only decisions about this AI system.")
@click.option("--days", type=int, help="Only decisions of the last so many days.")
@click.option("--json", "as_json", is_flag=True, help="One object a decision.")
def try_policy_file(
    file: str, target: str | None, system: str | None, days: int | None, as_json: bool
) -> None:
    """Say what a policy's evidence and limits would have refused of what was decided before."""
    from datetime import UTC, datetime, timedelta

    from aims_mlops.gates.backtest import try_policy
    from aims_mlops.inventory.project import find_project
    from aims_mlops.policy.loading import load_policy

    project = find_project()
    since = datetime.now(UTC) - timedelta(days=days) if days is not None else None
    trials = list(
        try_policy(
            project.open_store(), load_policy(file), target=target, system=system, since=since
        )
    )
    if as_json:
        rows = [
            {
                "decision": trial.decision.id,
                "model": trial.decision.evidence.body["model"],
                "was_allowed": trial.was_allowed,
                "would_refuse": trial.would_refuse,
                "refusals": [reason.to_body() for reason in trial.refusals],
            }
            for trial in trials
        ]
        click.echo(json.dumps(rows, indent=2, sort_keys=True))
        return
    for trial in trials:
        if trial.was_allowed and trial.would_refuse:
            body = trial.decision.evidence.body
            click.echo(f"✗ {trial.decision.received_at[:10]} {body['model_uri']} was allowed")
            for reason in trial.refusals:
                click.echo(plain(f"    {reason.rule}: {reason.observed}; limit: {reason.limit}"))
    allowed = [trial for trial in trials if trial.was_allowed]
    newly = sum(trial.would_refuse for trial in allowed)
    click.echo(f"{newly} of {len(allowed)} promotions that were allowed would have been refused")


@group.command("repeat")
@click.argument("record")
@click.pass_context
def repeat_decision(ctx: click.Context, record: str) -> None:
    """Make a decision once more from its record and the log; exit 1 if it comes out otherwise."""
    from aims_mlops.cli.decision_text import decision_text
    from aims_mlops.gates.replay import repeat
    from aims_mlops.inventory.project import find_project

    store = find_project().open_store()
    found = store.get(record)
    again = repeat(store, found)
    click.echo(decision_text(again))
    same = _decided(again.to_body()) == _decided(dict(found.evidence.body))
    click.echo("✓ the same decision" if same else "✗ not what the record says")
    ctx.exit(0 if same else 1)


# Said otherwise in records of earlier versions: the same words now.
_SAID_BEFORE = (("data set", "dataset"), ("standing decision", "valid decision"))


def _decided(body: dict[str, Any]) -> dict[str, Any]:
    """A decision without its next steps: what to do now is advice, which versions word anew."""
    reasons = [
        {name: _as_said_now(value) for name, value in reason.items() if name != "next_step"}
        if isinstance(reason, dict)
        else reason
        for reason in body.get("reasons") or ()
    ]
    notes = [_as_said_now(note) for note in body.get("notes") or ()]
    return {**body, "reasons": reasons, "notes": notes}


def _as_said_now(value: Any) -> Any:
    if isinstance(value, str):
        for before, now in _SAID_BEFORE:
            value = value.replace(before, now)
    return value
