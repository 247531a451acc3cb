"""Exports and figures over HTTP: /v1/exports and /metrics."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query  # noqa: TID253  the adapter itself
from starlette.responses import Response

from aims_mlops.errors import EvidenceNotFoundError, InputError, ModelNotFoundError
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.exports.export import export, format_of
from aims_mlops.server.observed.figures import Figures

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_ANY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


def observed_router(
    store: EvidenceStore,
    *,
    reading: Sequence[Any],
    only_export: Any,
    responses: Callable[..., Mapping[int | str, dict[str, Any]]],
    problem: Callable[[str, str], Exception],
) -> APIRouter:
    """The routes over one store.

    reading, only_export : dependencies that refuse a request.  problem : an error of the server.
    """
    router = APIRouter(tags=["exports"])
    figures = Figures(store)
    secured: dict[str, Any] = {"security": [{"bearer": []}]}

    @router.get(
        "/v1/exports/{name}",
        dependencies=[*reading, only_export],
        response_class=Response,
        responses={200: {"content": _ANY}, **responses(401, 403, 404, 422, 500, 503)},
        openapi_extra=secured,
    )
    def get_export(
        name: Annotated[str, Path(max_length=100)],
        subject: Annotated[str, Query(max_length=200)],
        version: Annotated[str | None, Query(max_length=40)] = None,
        file: Annotated[str | None, Query(max_length=10)] = None,
    ) -> Response:
        """What the log knows of a model or AI system, in another format.

        `subject` is the SHA-256 of a model's content or the id of a system. The same position of
        the log gives the same bytes. A PDF is drawn by the command alone.
        """
        try:
            if format_of(name).about == "model" and not _DIGEST.match(subject):
                raise InputError(
                    "subject is no model", got=f"{len(subject)} characters", expected="its SHA-256"
                )
            if file == "pdf":
                raise InputError("no PDF over HTTP", next_step=f"aims export {name} … --as pdf")
            made = export(store, name, subject, version=version, file=file)
        except (InputError, ModelNotFoundError, EvidenceNotFoundError) as error:
            raise problem("not-found", str(error)) from error
        return Response(made.content, media_type=made.media_type, headers=_HEADERS)

    @router.get(
        "/metrics",
        dependencies=reading,
        response_class=Response,
        responses={200: {"content": _TEXT}, **responses(401, 403, 500, 503)},
        openapi_extra=secured,
    )
    def get_metrics() -> Response:
        """Figures of the log for Prometheus: size, decisions, alarms, age of the last window."""
        return Response(
            figures.text(),
            media_type="text/plain; version=0.0.4; charset=utf-8",
            headers={"Cache-Control": "no-store"},
        )

    return router
