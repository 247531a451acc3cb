"""`aims gate`: may this model be promoted?"""

from __future__ import annotations

import json
from pathlib import Path

import click

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("gate")
@click.argument("model")
@click.option("--for", "target", required=True, help="Target or alias, such as production.")
@click.option("--policy", help="A policy file or pack, instead of the one in aims.yaml.")
@click.option("--break-glass", help="Reason to go ahead now; only if the policy has it.")
@click.option("--no-record", is_flag=True, help="Decide without putting the decision in the log.")
@click.option("--verbose", "-v", is_flag=True, help="Show the rules that pass, too.")
@click.option("--sarif", type=_FILE, help="Write SARIF 2.1.0 for code scanning.")
@click.option("--junit", type=_FILE, help="Write JUnit XML, a test case a rule.")
@click.option("--summary", type=_FILE, help="Add Markdown to this file: $GITHUB_STEP_SUMMARY.")
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
    sarif: Path | None,
    junit: Path | None,
    summary: Path | None,
    as_json: bool,
) -> None:
    """Decide whether MODEL may be promoted.

    Exit 0: allowed. 1: refused, with every reason and next step. 2: could not decide, which
    counts as refused.
    """
    from aims_mlops.cli.decision_text import decision_text
    from aims_mlops.cli.gate_files import write_decision_files
    from aims_mlops.gates.gate import gate

    decision = gate(
        model, target=target, policy=policy, record=not no_record, break_glass=break_glass
    )
    if (sarif, junit, summary) != (None, None, None):
        write_decision_files(decision, sarif=sarif, junit=junit, summary=summary, policy=policy)
    if as_json:
        body = {**decision.to_body(), "record": decision.record}
        click.echo(json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False))
    else:
        click.echo(decision_text(decision, verbose=verbose))
    ctx.exit(decision.exit_code)
