"""The frozen inputs of a management review: what a digest that an entry names has to lead to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import EvidenceNotFoundError, VerificationError
from aims_mlops.evidence.store import signed

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

FORMAT = "aims-review/1"
_LIMIT_BYTES = 100_000_000


def frozen(body: dict[str, Any]) -> bytes:
    """The bytes of a review pack: the same ones for the same content."""
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False).encode(
        "utf-8", "backslashreplace"
    )


def read_pack(store: EvidenceStore, sha256: str) -> dict[str, Any] | str:
    """The review pack of a digest, or why there is none of this log; raises StoreError.

    Whoever may store content can store a text that looks like a pack. That it was made from this
    log is held against the log: its last record has to stand at that place.
    """
    try:
        content = store.get_blob(sha256)
    except EvidenceNotFoundError:
        return "the log has no review pack of this digest"
    except VerificationError:
        return "the content of this digest was changed"
    try:
        body = json.loads(content) if len(content) <= _LIMIT_BYTES else None
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        return "the content of this digest is no review pack"
    if not isinstance(body.get("inputs"), dict) or frozen(body) != content:
        return "the content of this digest is no review pack as `aims report review` writes it"
    last, size = body.get("last"), body.get("size")
    if body.get("log") != store.status().log_id:
        return "the review pack of this digest is of another log"
    if size == 0 and last is None:
        return body
    try:
        record = signed(store).get(last) if isinstance(last, str) and len(last) == 64 else None
    except EvidenceNotFoundError:
        record = None
    if record is None or record.sequence + 1 != size:
        return "the review pack of this digest ends at a record that the log does not have there"
    return body


def wrong_pack(store: EvidenceStore, sha256: str) -> str | None:
    """Why a digest names no review pack of this log; None if it names one."""
    found = read_pack(store, sha256)
    return found if isinstance(found, str) else None
