"""Every route of MLflow's server that writes to the registry or to files is one that we know.

A new one in a later MLflow fails here until somebody has said which layer looks at it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_GATED = "the registry store decides"
_BARRED = "refused for reserved or promoting tags and names"
_FROZEN = "refused for files of promoted versions"
_MCP = "the tracking store decides about aliases"
_OUTSIDE = "no layer looks at it"
_OPEN = "takes a promotion away or says nothing about one"

KNOWN = {
    "POST /mlflow/registered-models/alias": _GATED,
    "POST /mlflow/model-versions/transition-stage": _GATED,
    "POST /mlflow/model-versions/set-tag": _GATED,
    "POST /mlflow/model-versions/create": _GATED,
    "POST /mlflow/registered-models/create": _BARRED,
    "POST /mlflow/registered-models/rename": _BARRED,
    "POST /mlflow/registered-models/set-tag": _BARRED,
    "DELETE /mlflow/registered-models/delete-tag": _BARRED,
    "DELETE /mlflow/model-versions/delete-tag": _BARRED,
    "DELETE /mlflow/registered-models/alias": _OPEN,
    "DELETE /mlflow/registered-models/delete": _OPEN,
    "DELETE /mlflow/model-versions/delete": _OPEN,
    "PATCH /mlflow/model-versions/update": _OPEN,
    "PATCH /mlflow/registered-models/update": _OPEN,
    "POST /mlflow/registered-models/get-latest-versions": _OPEN,
    "PUT /mlflow-artifacts/artifacts/*": _FROZEN,
    "DELETE /mlflow-artifacts/artifacts/*": _FROZEN,
    "POST /mlflow-artifacts/mpu/create/*": _FROZEN,
    "POST /mlflow-artifacts/mpu/complete/*": _FROZEN,
    "POST /mlflow-artifacts/mpu/abort/*": _OPEN,
    "POST /mlflow/artifacts/presigned-upload-url": _FROZEN,
    "POST /mlflow/artifacts/presigned-download-url": _OPEN,
    "POST /mlflow/upload-artifact": _FROZEN,
    "POST /mlflow/logged-models": _OPEN,
    "DELETE /mlflow/logged-models/*": _OPEN,
    "PATCH /mlflow/logged-models/*": _OPEN,
    "POST /mlflow/logged-models/*/params": _OPEN,
    "PATCH /mlflow/logged-models/*/tags": _OPEN,
    "DELETE /mlflow/logged-models/*/tags/*": _OPEN,
    "POST /mlflow/logged-models/search": _OPEN,
    "POST /mlflow/mcp-servers/*/aliases": _MCP,
    "POST /mlflow/mcp-servers": _OPEN,
    "POST /mlflow/mcp-servers/search": _OPEN,
    "PATCH /mlflow/mcp-servers/*": _OPEN,
    "DELETE /mlflow/mcp-servers/*": _OPEN,
    "DELETE /mlflow/mcp-servers/*/aliases/*": _OPEN,
    "POST /mlflow/mcp-servers/*/endpoints": _OPEN,
    "PATCH /mlflow/mcp-servers/*/endpoints/*": _OPEN,
    "DELETE /mlflow/mcp-servers/*/endpoints/*": _OPEN,
    "POST /mlflow/mcp-servers/*/tags": _OPEN,
    "DELETE /mlflow/mcp-servers/*/tags/*": _OPEN,
    "POST /mlflow/mcp-servers/*/versions": _OPEN,
    "PATCH /mlflow/mcp-servers/*/versions/*": _OPEN,
    "DELETE /mlflow/mcp-servers/*/versions/*": _OPEN,
    "POST /mlflow/mcp-servers/*/versions/*/tags": _OPEN,
    "DELETE /mlflow/mcp-servers/*/versions/*/tags/*": _OPEN,
    "POST /mlflow/gateway/endpoints/create": _OUTSIDE,
    "POST /mlflow/gateway/endpoints/update": _OUTSIDE,
    "POST /mlflow/gateway/endpoints/set-tag": _OUTSIDE,
    "DELETE /mlflow/gateway/endpoints/delete-tag": _OUTSIDE,
    "DELETE /mlflow/gateway/endpoints/delete": _OUTSIDE,
    "POST /mlflow/gateway/endpoints/models/attach": _OUTSIDE,
    "POST /mlflow/gateway/endpoints/models/detach": _OUTSIDE,
    "POST /mlflow/gateway/endpoints/bindings/create": _OUTSIDE,
    "DELETE /mlflow/gateway/endpoints/bindings/delete": _OUTSIDE,
    "POST /mlflow/gateway/model-definitions/create": _OUTSIDE,
    "POST /mlflow/gateway/model-definitions/update": _OUTSIDE,
    "DELETE /mlflow/gateway/model-definitions/delete": _OUTSIDE,
}
_ABOUT = re.compile(
    r"registered-model|model-version|artifact|logged-model|mcp-server|/prompts?/"
    r"|/mlflow/gateway/(endpoints|model-definitions)"
)
_READS = frozenset(("GET", "HEAD", "OPTIONS"))


def native(routes: Any) -> Iterator[tuple[str, str]]:
    """Method and path of FastAPI's routes; newer versions keep those of a router together."""
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is not None:
            prefix = getattr(getattr(route, "include_context", None), "prefix", "") or ""
            for method, path in native(inner):
                yield method, path if path.startswith(prefix) else f"{prefix}{path}"
        for method in getattr(route, "methods", None) or ():
            yield method, route.path


def writing_routes() -> set[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.server import app
        from mlflow.server.fastapi_app import create_fastapi_app

    found = {(m, str(rule)) for rule in app.url_map.iter_rules() for m in rule.methods or ()}
    found |= set(native(create_fastapi_app(app).routes))
    return {
        f"{method} {re.sub(r'[<{][^>}]*[>}]', '*', re.sub(r'^/(ajax-)?api/[0-9.]+', '', path))}"
        for method, path in found
        if method not in _READS and _ABOUT.search(path)
    }


def test_every_writing_route_is_known() -> None:
    found = writing_routes()
    assert found - KNOWN.keys() == set()
    for layer in (_GATED, _BARRED, _FROZEN, _MCP, _OUTSIDE):  # else nothing was looked at
        assert {route for route, what in KNOWN.items() if what == layer} & found, layer


def test_route_that_no_layer_looks_at_is_named_in_the_table_of_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "mlflow.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| gateway endpoints"))
    assert set(row.split("|")[2:7]) == {" passes "}
