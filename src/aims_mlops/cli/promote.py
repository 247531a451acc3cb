"""`aims promote`: decide, then set the alias."""

from __future__ import annotations

import json

import click


@click.command("promote")
@click.argument("model")
@click.option("--alias", required=True, help="The alias to set, such as champion.")
@click.option("--for", "target", help="The target, if aims.yaml names none for the alias.")
@click.option("--policy", help="A policy file or pack, instead of the one in aims.yaml.")
@click.option("--break-glass", help="Reason to go ahead now; only if the policy has it.")
@click.option("--verbose", "-v", is_flag=True, help="Show the rules that pass, too.")
@click.option("--json", "as_json", is_flag=True, help="The promotion as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    alias: str,
    target: str | None,
    policy: str | None,
    break_glass: str | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Decide about MODEL and, if it is allowed, set the alias in its registry.

    Exit 0: set. 1: refused. 2: could not decide. 3: allowed, and the registry then failed.
    """
    from aims_mlops.cli.decision_text import decision_text
    from aims_mlops.gates.promote import promote

    promotion = promote(model, alias=alias, target=target, policy=policy, break_glass=break_glass)
    if as_json:
        text = json.dumps(promotion.to_body(), indent=2, sort_keys=True, ensure_ascii=False)
        click.echo(text)
    else:
        click.echo(decision_text(promotion.decision, verbose=verbose))
        mark = {"set": "✓", "failed": "✗", "not asked": "✗"}[promotion.outcome]
        click.echo(f"{mark} alias {alias}: {promotion.outcome}; {promotion.said}")
    ctx.exit(promotion.exit_code)
