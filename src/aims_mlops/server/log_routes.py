"""The log itself and its blobs: state, checkpoint, proofs, health."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query  # noqa: TID253  the adapter itself
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.encoding.limits import EXACT
from aims_mlops.operations.alarms.monitoring import alarms_from_log
from aims_mlops.server.access import needs, only
from aims_mlops.server.answers import (
    AlarmsAnswer,
    BlobAnswer,
    HealthAnswer,
    LogAnswer,
    PathAnswer,
    PathsAnswer,
    TrustAnswer,
    hashes,
    json_response,
)
from aims_mlops.server.body import MAX_BLOB, Slots, read_body
from aims_mlops.server.problems import ProblemError, responses
from aims_mlops.server.tokens import Tokens
from aims_mlops.server.trust import trust_answer
from aims_mlops.store.bundle.source import SqlSource
from aims_mlops.store.log.sql import SqlStore

MAX_PROOFS = 1_000  # in one answer

BlobName = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Query(ge=0, lt=EXACT)]
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
# Bytes from strangers must never run in a browser.
_INERT = {
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


def log_router(store: SqlStore, tokens: Tokens, slots: Slots) -> APIRouter:
    """The routes over one store."""
    router = APIRouter(tags=["log"])
    source = SqlSource(store)
    signed = store.signed
    reading = [Depends(needs(tokens, "read"))]
    proving = [Depends(needs(tokens, "read", "capture", "approve"))]  # hashes say nothing else
    secured: dict[str, Any] = {"security": [{"bearer": []}]}

    @router.get("/v1/health", responses={200: {"model": HealthAnswer}, **responses(503)})
    def get_health() -> Response:
        """Whether the server answers and its store can be read; needs no token."""
        store.status()
        return json_response({"status": "ok"})

    @router.get(
        "/v1/alarms",
        dependencies=reading,
        responses={200: {"model": AlarmsAnswer}, **responses(401, 403, 500, 503)},
        openapi_extra=secured,
    )
    def get_alarms() -> Response:
        """Scheduled monitoring that did not happen, and what the last runs found.

        Computed from the systems that the log has, each with its schedule, when it is asked for.
        """
        moment = datetime.now(UTC)
        found = alarms_from_log(signed, moment)
        return json_response({"at": stamp(moment), "alarms": [a.to_body() for a in found]})

    @router.get(
        "/v1/log",
        dependencies=reading,
        responses={200: {"model": LogAnswer}, **responses(401, 403, 500, 503)},
        openapi_extra=secured,
    )
    def get_log() -> Response:
        """The state of the log and every key that it was signed with."""
        status = signed.status()
        keys = [
            {"valid_from": start, "public": b64encode(public).decode()}
            for start, public in source.log_keys()
        ]
        return json_response(
            {
                "log_id": status.log_id,
                "size": status.size,
                "root": status.root,
                "checkpoint": status.checkpoint,
                "anchored": status.anchored,
                "keys": keys,
            }
        )

    @router.get(
        "/v1/trust",
        dependencies=[*proving, Depends(only("old"))],
        responses={200: {"model": TrustAnswer}, **responses(401, 403, 422, 503)},
        openapi_extra=secured,
    )
    def get_trust(old: Size = 0) -> Response:
        """The checkpoint, the log's keys and how they followed one another, each with its proof.

        Any token may ask: a client that only pushes follows the log's key, too.
        """
        return json_response(trust_answer(store, source, old))

    @router.get(
        "/v1/checkpoint",
        dependencies=reading,
        response_class=PlainTextResponse,
        responses=responses(401, 403, 404, 500, 503),
        openapi_extra=secured,
    )
    def get_checkpoint() -> Response:
        """The last signed checkpoint, to be kept by somebody else (c2sp.org/tlog-checkpoint)."""
        note = signed.status().checkpoint
        if note is None:
            raise ProblemError("not-found", "the log is empty and has no checkpoint yet")
        return PlainTextResponse(note)

    @router.get(
        "/v1/proofs/inclusion",
        dependencies=[*proving, Depends(only("size", many="sequence"))],
        responses={200: {"model": PathsAnswer}, **responses(401, 403, 404, 422, 503)},
        openapi_extra=secured,
    )
    def get_inclusion(
        sequence: Annotated[
            list[Annotated[int, Path(ge=0, lt=EXACT)]], Query(min_length=1, max_length=MAX_PROOFS)
        ],
        size: Size,
    ) -> Response:
        """Proofs that records are among the first `size` of the log."""
        if size > store.status().size or max(sequence) >= size:
            raise ProblemError("not-found", "the log has no such record or was never so long")
        paths = source.inclusion_paths(sequence, size)
        return json_response({"paths": [hashes(path) for path in paths]})

    @router.get(
        "/v1/proofs/consistency",
        dependencies=[*proving, Depends(only("old", "size"))],
        responses={200: {"model": PathAnswer}, **responses(401, 403, 404, 422, 503)},
        openapi_extra=secured,
    )
    def get_consistency(old: Size, size: Size) -> Response:
        """The proof that the log of `size` records continues the log of `old`."""
        if not old <= size <= store.status().size:
            raise ProblemError("not-found", "the log was never so long")
        return json_response({"path": hashes(source.consistency_path(old, size))})

    @router.put(
        "/v1/blobs/{sha256}",
        dependencies=[Depends(needs(tokens, "capture", "approve"))],
        responses={200: {"model": BlobAnswer}, **responses(401, 403, 408, 409, 413, 422, 503)},
        openapi_extra={**secured, "requestBody": {"required": True, "content": _BINARY}},
    )
    async def put_blob(sha256: BlobName, request: Request) -> Response:
        """Store bytes under their SHA-256; the same bytes again change nothing."""
        async with slots.one(request.state.token.id):
            content = await read_body(request, limit=MAX_BLOB)
            return await run_in_threadpool(store_blob, sha256, content, request)

    def store_blob(sha256: str, content: bytes, request: Request) -> Response:
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            raise ProblemError("digest", f"the bytes have the digest {found}")
        media_type = request.headers.get("content-type", "application/octet-stream")[:200]
        blob = store.put_blob(content, media_type=media_type)
        return json_response(
            {"sha256": blob.sha256, "size": blob.size, "media_type": blob.media_type}
        )

    @router.get(
        "/v1/blobs/{sha256}",
        dependencies=reading,
        response_class=Response,
        responses={
            200: {"content": _BINARY, "description": "The bytes."},
            **responses(401, 403, 404, 422, 503),
        },
        openapi_extra=secured,
    )
    def get_blob(sha256: BlobName) -> Response:
        """The bytes of a blob, checked against their digest; personal content is not sent."""
        if store.secrets_of(sha256) is not None:
            raise ProblemError("forbidden", "personal content is read where the log is kept")
        return Response(
            store.get_blob(sha256), media_type="application/octet-stream", headers=_INERT
        )

    return router
