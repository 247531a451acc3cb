"""`aims serve`: the evidence store over HTTP."""

from __future__ import annotations

from pathlib import Path

import click


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
def command(host: str, port: int, store_url: str | None, tokens: Path | None) -> None:
    """Take evidence from pipelines and give it to gates, over HTTP."""
    from aims_mlops.cli.token import tokens_file
    from aims_mlops.inventory.project import absolute_store_url, find_project, open_store
    from aims_mlops.server.running import LOOPBACK, serve

    project = find_project()
    url = absolute_store_url(store_url, Path.cwd()) if store_url else project.store_url
    store = open_store(url)

    def started(url: str) -> None:
        click.echo(f"Serving {store.url} at {url}")
        if host not in LOOPBACK:
            click.echo(
                "Tokens and evidence travel in the clear: put a reverse proxy with TLS in front.",
                err=True,
            )

    serve(store, tokens or tokens_file(project.root), host=host, port=port, started=started)
