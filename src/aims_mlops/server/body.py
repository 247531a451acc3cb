"""Request bodies from strangers: bounded while they arrive, and read strictly."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.encoding.canonical import parse
from aims_mlops.evidence.encoding.limits import MAX_SENT_BLOB_BYTES, MAX_STATEMENT_BYTES
from aims_mlops.server.problems import ProblemError

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY = MAX_STATEMENT_BYTES  # bytes of one push
MAX_BLOB = MAX_SENT_BLOB_BYTES  # a blob is held in memory while it is stored
SLOTS = 16  # bodies held in memory at a time; further requests wait
SLOTS_EACH = 4  # of them for one token, so that its stalled bodies keep nobody else out
TIME_LIMIT = 60.0  # seconds for a body to arrive, so that a slow sender frees its slot


class Slots:
    """How many bodies one server holds at a time, of all tokens and of one."""

    def __init__(self, count: int = SLOTS, each: int = SLOTS_EACH) -> None:
        self._free = asyncio.Semaphore(count)
        self._each = each
        self._of: weakref.WeakValueDictionary[str, asyncio.Semaphore] = (
            weakref.WeakValueDictionary()
        )

    @asynccontextmanager
    async def one(self, token: str) -> AsyncIterator[None]:
        """Wait for a slot of this token, by its id, and hold it while a body is read and stored."""
        own = self._of.get(token)
        if own is None:
            own = self._of[token] = asyncio.Semaphore(self._each)
        async with own, self._free:
            yield


async def read_body(request: Request, *, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it; raises ProblemError."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(TIME_LIMIT):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
    except TimeoutError:
        raise ProblemError(
            "too-slow", f"a body arrives within {TIME_LIMIT:.0f} s", headers={"Connection": "close"}
        ) from None
    return b"".join(parts)


async def read_json(request: Request) -> Any:
    """The body as JSON that says one thing to every reader; raises ProblemError."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ProblemError("media-type", "send application/json")
    content = await read_body(request, limit=MAX_BODY)
    try:
        return parse(content)
    except EvidenceFormatError as error:
        raise ProblemError("malformed", str(error)) from error


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        "too-large", f"at most {limit} bytes are taken at a time", headers={"Connection": "close"}
    )
