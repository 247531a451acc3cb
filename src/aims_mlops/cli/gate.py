"""`aims gate`: may this model be promoted?"""

from __future__ import annotations

import json

import click


@click.command("gate")
@click.argument("model")
@click.option("--for", "target", required=True, help="Target or alias, such as production.")
@click.option("--policy", help="A policy file or pack, instead of the one in aims.yaml.")
@click.option("--break-glass", help="Reason to go ahead now; only if the policy has it.")
@click.option("--no-record", is_flag=True, help="Decide without putting the decision in the log.")
@click.option("--verbose", "-v", is_flag=True, help="Show the rules that pass, too.")
@click.option("--json", "as_json", is_flag=True, help="The decision as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    target: str,
    policy: str | None,
    break_glass: str | None,
    no_record: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Decide whether MODEL may be promoted.

    Exit 0: allowed. 1: refused, with every reason and next step. 2: could not decide, which
    counts as refused.
    """
    from aims_mlops.cli.decision_text import decision_text
    from aims_mlops.gates.gate import gate

    decision = gate(
        model, target=target, policy=policy, record=not no_record, break_glass=break_glass
    )
    if as_json:
        body = {**decision.to_body(), "record": decision.record}
        click.echo(json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False))
    else:
        click.echo(decision_text(decision, verbose=verbose))
    ctx.exit(decision.exit_code)
