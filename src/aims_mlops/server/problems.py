"""Every error as a problem document (RFC 9457), the framework's own included."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from aims_mlops.errors import (
    AimsError,
    EvidenceConflictError,
    EvidenceFormatError,
    EvidenceNotFoundError,
    InputError,
    StoreUnavailableError,
    VerificationError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

PREFIX = "urn:aims-mlops:problem:"
MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("aims_mlops.server")

# type -> (status, title)
PROBLEMS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The request cannot be read"),
    "unauthorised": (401, "A valid token is needed"),
    "forbidden": (403, "The token does not allow this"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This cannot be done here"),
    "too-slow": (408, "The request did not arrive in time"),
    "conflict": (409, "Key and statement do not belong together"),
    "digest": (409, "The bytes are not what their name says"),
    "too-large": (413, "The request is too large"),
    "media-type": (415, "The content type is not accepted"),
    "invalid": (422, "The request is not valid"),
    "damaged": (500, "The store holds something damaged"),
    "failed": (500, "The server failed"),
    "unavailable": (503, "The evidence store is not usable now"),
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "enum": [PREFIX + name for name in PROBLEMS]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}


class ProblemError(Exception):
    """An answer that is an error; `name` is one of PROBLEMS."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name, detail)
        self.name, self.detail = name, detail
        self.errors, self.headers = errors, dict(headers or {})


def document(problem: ProblemError) -> Response:
    """The problem as a response."""
    from starlette.responses import Response

    status, title = PROBLEMS[problem.name]
    body: dict[str, Any] = {
        "type": PREFIX + problem.name,
        "title": title,
        "status": status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = problem.errors
    headers = {"Cache-Control": "no-store", **problem.headers}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="aims-mlops"'
    if status == 503:
        headers["Retry-After"] = "5"
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def problem_of(error: AimsError) -> ProblemError:
    """One of our errors as a problem; what the store says of its own place stays in our log."""
    if isinstance(error, EvidenceConflictError):
        return ProblemError("conflict", str(error))
    if isinstance(error, EvidenceNotFoundError):
        return ProblemError("not-found", "no record or blob is stored under this name")
    if isinstance(error, (EvidenceFormatError, InputError)):
        return ProblemError("invalid", str(error))
    _log.error("%s: %s", type(error).__name__, error)
    if isinstance(error, VerificationError):
        return ProblemError(
            "damaged", "what is stored is not what was stored; see the server's log"
        )
    if isinstance(error, StoreUnavailableError):
        return ProblemError("unavailable", "nothing was stored; try again later")
    return ProblemError("failed", "see the server's log")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for the OpenAPI document."""
    titles: dict[int, str] = {}
    for status, title in PROBLEMS.values():
        titles.setdefault(status, title)
    return {
        status: {
            "description": titles[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every error of this application with a problem document."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    names = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "media-type"}

    async def on_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return document(error)

    async def on_ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, AimsError)
        return document(problem_of(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        name = names.get(error.status_code, "malformed" if error.status_code < 500 else "failed")
        headers = dict(error.headers or {})
        if name == "method-not-allowed":
            headers["Allow"] = ", ".join(sorted(_methods(app, request)))
        return document(ProblemError(name, str(error.detail), headers=headers))

    async def on_validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [
            {"where": ".".join(str(part) for part in item["loc"]), "what": str(item["msg"])}
            for item in error.errors()
        ]
        return document(ProblemError("invalid", "a parameter is not valid", errors=found))

    async def on_anything(_: Request, error: Exception) -> Response:
        _log.exception("unexpected", exc_info=error)
        return document(ProblemError("failed", "see the server's log"))

    app.add_exception_handler(ProblemError, on_problem)
    app.add_exception_handler(AimsError, on_ours)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(Exception, on_anything)


def _methods(app: FastAPI, request: Request) -> set[str]:
    """Every method that some route takes on this path; the framework names one route's only."""
    from starlette.routing import compile_path

    found: set[str] = set()
    for path, operations in app.openapi()["paths"].items():
        if compile_path(path)[0].match(request.url.path):
            found |= {method.upper() for method in operations}
    return found
