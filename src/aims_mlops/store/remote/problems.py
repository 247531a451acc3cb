"""A server's problem documents (RFC 9457) as errors of ours."""

from __future__ import annotations

import re

import orjson

from aims_mlops.errors import (
    EvidenceConflictError,
    EvidenceError,
    EvidenceFormatError,
    EvidenceNotFoundError,
    NotAllowedError,
    StoreError,
    StoreUnavailableError,
    VerificationError,
)
from aims_mlops.store.remote.connection import Answer

_SCOPE = re.compile(r"scope (capture|operate|approve|read)\b")  # as our own server says it


def _scope(detail: str | None) -> str:
    """The scope that a server asked for; what most pushes need where it does not say."""
    found = _SCOPE.search(detail or "")
    return found[1] if found else "capture"


def error_of(answer: Answer, url: str) -> EvidenceError | StoreError:
    """The error that an answer of another status than 200 stands for."""
    try:
        found = orjson.loads(answer.content)
        name, detail = str(found["type"]).rpartition(":")[2], str(found.get("detail", ""))
        detail = "; ".join(
            [detail, *(f"{e['where']}: {e['what']}" for e in found.get("errors", ())[:3])]
        )[:1000]
    except (ValueError, KeyError, TypeError, AttributeError):
        name, detail = "", ""
    if name == "damaged":
        return VerificationError("what the server holds is not what was stored", got=detail)
    if name == "not-found":
        return EvidenceNotFoundError(f"{url}: {detail}")
    if name in ("conflict", "digest"):
        return EvidenceConflictError(detail)
    if name in ("invalid", "malformed", "too-large"):
        return EvidenceFormatError(f"the server refuses it: {detail}")
    if name in ("unauthorised", "forbidden"):
        refused = NotAllowedError if name == "forbidden" else StoreUnavailableError
        return refused(
            f"the evidence server {url} does not let us",
            got=detail,
            next_step="set AIMS_TOKEN to a token with the scope: "
            f"aims token create NAME --scope {_scope(detail)}",
        )
    return StoreUnavailableError(
        f"the evidence server {url} cannot answer now",
        got=f"status {answer.status}" + (f", {detail}" if detail else ""),
        next_step="try again later",
    )
