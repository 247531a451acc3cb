"""`aims token`: who may use the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from aims_mlops.cli.table import table

if TYPE_CHECKING:
    from aims_mlops.server.tokens import Scope, Token, Tokens


def tokens_file(root: Path) -> Path:
    """Where a project's tokens are kept."""
    return root / ".aims" / "tokens.db"


_FILE = click.option(
    "--tokens",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="AIMS_TOKENS",
    help="File of the tokens (.aims/tokens.db of the project).",
)


@click.group("token")
def group() -> None:
    """Create, list and revoke bearer tokens of the server."""


def _open(path: Path | None) -> Tokens:
    from aims_mlops.inventory.project import find_project
    from aims_mlops.server.tokens import Tokens

    return Tokens(path or tokens_file(find_project().root))


def _facts(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "actor": token.actor,
        "state": token.state,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }


@group.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(["capture", "operate", "approve", "read", "admin"]),
    help="May be given several times.",
)
@click.option("--days", type=float, default=30, show_default=True, help="Until it expires.")
@click.option("--actor", help="The one person or service that uses it; approve needs it.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@_FILE
def create_token(
    name: str,
    scopes: tuple[str, ...],
    days: float,
    actor: str | None,
    as_json: bool,
    path: Path | None,
) -> None:
    """Make a token called NAME and show it, this once."""
    text, token = _open(path).create(
        name, frozenset(cast("tuple[Scope, ...]", scopes)), days=days, actor=actor
    )
    if as_json:
        click.echo(json.dumps({"token": text, **_facts(token)}, indent=2))
        return
    click.echo(text)
    click.echo(
        f"Token {token.id} for {', '.join(sorted(token.scopes))} until {token.expires_at[:10]}. "
        "It is not shown again: put it into AIMS_TOKEN of whoever uses it.",
        err=True,
    )


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@_FILE
def list_tokens(as_json: bool, path: Path | None) -> None:
    """List every token, expired and revoked ones included."""
    found = _open(path).all()
    if as_json:
        click.echo(json.dumps([_facts(token) for token in found], indent=2))
        return
    if not found:
        click.echo("No token yet. Next: aims token create NAME --scope capture")
        return
    rows = [
        (t.id, t.name, ", ".join(sorted(t.scopes)), t.actor or "-", t.expires_at[:10], t.state)
        for t in found
    ]
    click.echo(table(("ID", "NAME", "SCOPES", "ACTOR", "EXPIRES", "STATE"), rows))


@group.command("revoke")
@click.argument("token_id", metavar="ID")
@_FILE
def revoke_token(token_id: str, path: Path | None) -> None:
    """End a token at once."""
    token = _open(path).revoke(token_id)
    click.echo(f"Token {token.id} ({token.name}) is revoked.")
