"""Push evidence and read it: /v1/evidence."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query  # noqa: TID253  the adapter itself
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from aims_mlops.evidence.encoding.limits import EXACT
from aims_mlops.evidence.transparency.checkpoint import unverified_checkpoint
from aims_mlops.server.access import check_push, needs, only
from aims_mlops.server.answers import (
    PageAnswer,
    PushAnswer,
    StatementAnswer,
    hashes,
    json_response,
    record_answer,
)
from aims_mlops.server.body import Slots, read_json
from aims_mlops.server.problems import responses
from aims_mlops.server.requests import Hex64, Name, read_push
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.bundle.source import SqlSource
from aims_mlops.store.log.sql import SqlStore

MAX_PAGE = 1_000  # records in one answer
MAX_PAGE_BYTES = 8 * 1024 * 1024  # of envelopes, after which an answer ends
_FILTERS = ("system", "subject", "run", "since", "before", "newest_first", "limit")

RecordId = Annotated[str, Path(pattern=r"^[0-9a-f]{8,64}$")]
Kind = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Position = Annotated[int, Query(ge=0, lt=EXACT)]


def evidence_router(store: SqlStore, tokens: Tokens, slots: Slots) -> APIRouter:
    """The routes over one store."""
    router = APIRouter(tags=["evidence"])
    source = SqlSource(store)
    signed = store.signed  # a client without the log's key has only the server's word
    reading = [Depends(needs(tokens, "read"))]
    secured: dict[str, Any] = {"security": [{"bearer": []}]}

    @router.post(
        "/v1/evidence",
        dependencies=[Depends(needs(tokens, "capture", "approve"))],
        responses={
            200: {"model": PushAnswer},
            **responses(400, 401, 403, 408, 409, 413, 415, 422, 503),
        },
        openapi_extra={
            **secured,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Push"}}},
            },
        },
    )
    async def push_evidence(request: Request) -> Response:
        """Store a batch, all of it or none.

        Idempotent: the same statement under the same key gives the record stored before. Sequence
        and received time are the server's.
        """
        async with slots.one(request.state.token.id):
            value = await read_json(request)
            return await run_in_threadpool(store_push, value, request)

    def store_push(value: Any, request: Request) -> Response:
        items = read_push(value)
        for evidence, _, _ in items:
            check_push(request.state.token, evidence.kind, evidence.actor)
        found = store.append_signed(items)
        note = store.status().checkpoint or ""
        size = unverified_checkpoint(note).size
        paths = source.inclusion_paths([record.sequence for record in found], size)
        return json_response(
            {
                "checkpoint": note,
                "records": [
                    record_answer(record) | {"proof": hashes(path)}
                    for record, path in zip(found, paths, strict=True)
                ],
            }
        )

    @router.get(
        "/v1/evidence",
        dependencies=[*reading, Depends(only(*_FILTERS, many="kind"))],
        responses={200: {"model": PageAnswer}, **responses(401, 403, 422, 500, 503)},
        openapi_extra=secured,
    )
    def find_evidence(
        kind: Annotated[list[Kind], Query(max_length=50, default_factory=list)],
        system: Annotated[Name | None, Query()] = None,
        subject: Annotated[Hex64 | None, Query()] = None,
        run: Annotated[Name | None, Query()] = None,
        since: Position = 0,
        before: Annotated[int, Query(ge=0, le=EXACT)] = EXACT,
        newest_first: bool = False,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    ) -> Response:
        """A page of the records that match every given filter, in the order of the log."""
        records = signed.find(
            kind=kind or None,
            system=system,
            subject=subject,
            run=run,
            since=since,
            before=before,
            newest_first=newest_first,
            limit=limit,
        )
        found, size, following = [], 0, None
        for record in records:
            found.append(record_answer(record))
            size += len(record.envelope)
            if len(found) == limit or size > MAX_PAGE_BYTES:
                following = record.sequence + (0 if newest_first else 1)
                break
        return json_response({"records": found, "next": following})

    @router.get(
        "/v1/evidence/{record_id}",
        dependencies=reading,
        responses={200: {"model": StatementAnswer}, **responses(401, 403, 404, 422, 500, 503)},
        openapi_extra=secured,
    )
    def get_evidence(record_id: RecordId) -> Response:
        """One record, by its id or the first eight or more digits of it."""
        record = signed.get(record_id)
        return json_response(record_answer(record) | {"statement": record.evidence.to_statement()})

    @router.get(
        "/v1/evidence/{record_id}/proof",
        dependencies=reading,
        response_class=PlainTextResponse,
        responses=responses(401, 403, 404, 422, 500, 503),
        openapi_extra=secured,
    )
    def get_proof(record_id: RecordId) -> Response:
        """A proof that the record is in the log, checkable offline (c2sp.org/tlog-proof)."""
        return PlainTextResponse(store.prove(signed.get(record_id).sequence))

    return router
