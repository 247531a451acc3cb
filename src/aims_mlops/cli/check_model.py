"""`aims check-model`: may exactly this content be used now?"""

from __future__ import annotations

import json

import click


@click.command("check-model")
@click.argument("model")
@click.option("--for", "target", required=True, help="Target or alias, such as production.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@click.pass_context
def command(ctx: click.Context, model: str, target: str, as_json: bool) -> None:
    """Tell whether a valid decision allows MODEL, byte by byte, for a target.

    MODEL is a path, models:/NAME/VERSION, runs:/RUN/PATH or sha256:DIGEST. Nothing is decided and
    nothing recorded. Exit 0: allowed. 1: refused, with every reason and next step. 2: could not be
    told, which counts as refused.
    """
    from aims_mlops.cli.plain import plain
    from aims_mlops.gates.check_model import look_at_model

    check = look_at_model(model, target=target)
    if as_json:
        click.echo(json.dumps(check.to_body(), indent=2, sort_keys=True, ensure_ascii=False))
        ctx.exit(check.exit_code)
    head = {"allowed": "✓ allowed", "refused": "✗ refused", "undecided": "? could not tell"}
    click.echo(plain(f"{head[check.verdict]}: {check.model_uri} for {check.target}"))
    for reason in check.reasons:
        click.echo(plain(f"  ✗ {reason.rule}"))
        click.echo(plain(f"      observed  {reason.observed}"))
        click.echo(plain(f"      needed    {reason.limit}"))
        click.echo(plain(f"      next      {reason.next_step}"))
    if check.model is not None:
        click.echo(f"content     sha256 {check.model.sha256}")
    if check.standing is not None and check.standing.record is not None:
        record = check.standing.record
        click.echo(f"decision    {record.id[:16]} of {record.received_at}")
    ctx.exit(check.exit_code)
