"""`aims serve`: the evidence store over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fastapi import FastAPI

    from aims_mlops.evidence.store import EvidenceStore


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8042,
    show_default=True,
    help="0: any free one.",
)
@click.option("--store", "store_url", help="URL of the store; the project's by default.")
@click.option(
    "--tokens",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="AIMS_TOKENS",
    help="File of the tokens (.aims/tokens.db of the project).",
)
@click.option(
    "--pages/--no-pages",
    default=None,
    help="The web console, too. By default where the extra `web` is installed.",
)
def command(
    host: str, port: int, store_url: str | None, tokens: Path | None, pages: bool | None
) -> None:
    """Take evidence from pipelines and give it to gates, over HTTP, and show it to people."""
    from aims_mlops.cli.token import tokens_file
    from aims_mlops.inventory.project import absolute_store_url, find_project, open_store
    from aims_mlops.server.running import LOOPBACK, serve

    project = find_project()
    url = absolute_store_url(store_url, Path.cwd()) if store_url else project.store_url
    store = open_store(url)

    extend = _console(store, pages)

    def started(url: str) -> None:
        click.echo(f"Serving {store.url} at {url}")
        if extend is not None:
            click.echo(f"The console is at {url}/console; aims people invite lets somebody in.")
        if host not in LOOPBACK:
            click.echo(
                "Tokens and evidence travel in the clear: put a reverse proxy with TLS in front.",
                err=True,
            )

    serve(
        store,
        tokens or tokens_file(project.root),
        host=host,
        port=port,
        started=started,
        extend=extend,
    )


def _console(store: EvidenceStore, wanted: bool | None) -> Callable[[FastAPI], None] | None:
    """What puts the console on the server; None where it is not wanted or not installed."""
    from importlib.util import find_spec

    from aims_mlops.errors import MissingExtraError

    lacking = [name for name in ("babel", "python_multipart", "fastapi") if not find_spec(name)]
    if wanted is False or (wanted is None and lacking):
        return None
    if lacking:
        raise MissingExtraError("the console", library=lacking[0], extra="web")
    from aims_mlops.inventory.project import find_project
    from aims_mlops.web.application import add_console

    return lambda app: add_console(app, store, find_project)
