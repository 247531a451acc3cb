"""`aims reconcile`: does the registry say what the log allowed?"""

from __future__ import annotations

import json

import click


@click.command("reconcile")
@click.option("--registry", help="URI of the registry; without it, the one MLflow is set to.")
@click.option("--demote", is_flag=True, help="Take away what is promoted and not allowed.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def command(ctx: click.Context, registry: str | None, demote: bool, as_json: bool) -> None:
    """Compare what the MLflow registry says is promoted with what the log allowed.

    Each difference is recorded once as a nonconformity. Exit 0: no difference. 1: differences.
    2: registry or log could not be read, so nothing is known.
    """
    from aims_mlops.cli.plain import plain
    from aims_mlops.errors import AimsError, StoreUnavailableError
    from aims_mlops.mlflow_plugin.reconcile.reconcile import reconcile

    try:
        done = reconcile(registry_uri=registry, demote=demote)
    except AimsError:
        raise
    except Exception as error:
        raise StoreUnavailableError(
            "the MLflow registry could not be read",
            got=plain(f"{type(error).__name__}: {error}")[:300],
            next_step="check MLFLOW_TRACKING_URI, or give --registry URI",
        ) from error
    if as_json:
        click.echo(json.dumps(done.to_body(), indent=2, sort_keys=True, ensure_ascii=False))
        ctx.exit(done.exit_code)
    noun = "promotion" if done.looked_at == 1 else "promotions"
    click.echo(plain(f"{done.looked_at} {noun} in {done.registry} held against the log"))
    for one in done.found:
        click.echo(plain(f"✗ {one.difference.words} ({one.difference.severity})"))
        for fact in one.difference.how:
            click.echo(plain(f"    {fact}"))
        if one.demoted is not None:
            click.echo(plain(f"    demoted: {one.demoted}"))
        elif one.not_demoted is not None:
            click.echo(plain(f"    NOT demoted: {one.not_demoted}"))
        click.echo(plain(f"    next: {one.difference.next_step}"))
        click.echo(plain(f"    nonconformity {one.nonconformity[:16]}"))
    if not done.found:
        click.echo("✓ registry and log agree")
    ctx.exit(done.exit_code)
