"""The evidence store over HTTP, from the OpenAPI description that the server gives."""

from __future__ import annotations

import functools
import inspect
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from generated.page import Page, cell
from generated.schema import fields, kind

TITLE = "HTTP"


@functools.cache
def pages() -> Sequence[Page]:
    """Every route with its parameters, body and answers, and the schemas they use."""
    description = _description()
    text = (
        f"# HTTP\n\n{description['info']['description']} Setting one up: [server](../server.md).\n"
    )
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            text += _route(method, path, route)
    for name, schema in description["components"]["schemas"].items():
        text += f"\n## {name}\n\n{cell(str(schema.get('description', '')))}\n\n{fields(schema)}"
    return [Page("reference/http.md", TITLE, text)]


def _description() -> dict[str, Any]:
    from aims_mlops.server.application import create_app
    from aims_mlops.server.tokens import Tokens
    from aims_mlops.store.opening import open_sql_store

    with tempfile.TemporaryDirectory() as folder:
        store = open_sql_store(f"sqlite:///{Path(folder) / 'evidence.db'}")
        try:
            return create_app(store, Tokens(Path(folder) / "tokens.db")).openapi()
        finally:
            store.close()


def _route(method: str, path: str, route: Mapping[str, Any]) -> str:
    about = inspect.cleandoc(str(route.get("description", route.get("summary", ""))))
    text = f"\n## {method.upper()} {path}\n\n{about}\n\n"
    if rows := [
        f"| `{p['name']}` | {p['in']} | {cell(kind(p.get('schema', {})))} |"
        for p in route.get("parameters", ())
    ]:
        text += "\n".join(["| parameter | in | type |", "|---|---|---|", *rows]) + "\n\n"
    for content in route.get("requestBody", {}).get("content", {}).values():
        text += f"Body: {kind(content.get('schema', {}))}.\n\n"
    rows = [
        f"| {code} | {cell(str(answer.get('description', '')))} | {_content(answer)} |"
        for code, answer in route["responses"].items()
    ]
    return text + "\n".join(["| status | answer | content |", "|---|---|---|", *rows]) + "\n"


def _content(answer: Mapping[str, Any]) -> str:
    return ", ".join(
        cell(f"{media}: {kind(content.get('schema', {}))}")
        for media, content in answer.get("content", {}).items()
    )
