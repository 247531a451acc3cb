"""A batch as the requests that push it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence

import orjson

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.admission import payload_of_evidence
from aims_mlops.evidence.encoding.envelope import Signature
from aims_mlops.evidence.encoding.limits import MAX_KEY, MAX_STATEMENT_BYTES
from aims_mlops.evidence.kinds import check_from_outside
from aims_mlops.evidence.records import Evidence

MAX_ITEMS = 1_000  # records in one request
_KEY = re.compile(rf"[A-Za-z0-9._:/+=@-]{{1,{MAX_KEY}}}\Z")

Items = Sequence[tuple[Evidence, str | None, Sequence[Signature]]]


def requests_of(batch: Items) -> Iterator[list[tuple[bytes, bytes]]]:
    """The items as JSON beside their payloads, in groups that one request may hold."""
    group: list[tuple[bytes, bytes]] = []
    size = 0
    prepared = [_item(evidence, key, signatures) for evidence, key, signatures in batch]
    for item in prepared:
        if group and (len(group) >= MAX_ITEMS or size + len(item[0]) > MAX_STATEMENT_BYTES - 64):
            yield group
            group, size = [], 0
        group.append(item)
        size += len(item[0]) + 1
    if group:
        yield group


def _item(
    evidence: Evidence, key: str | None, signatures: Sequence[Signature]
) -> tuple[bytes, bytes]:
    if key is not None and not _KEY.match(key):
        raise EvidenceFormatError(
            "the idempotency key cannot be used",
            got=f"{len(key)} characters",
            expected=f"1 to {MAX_KEY} of A-Z, a-z, 0-9 and ._:/+=@-",
        )
    check_from_outside((evidence.kind,))
    payload = payload_of_evidence(evidence)
    parts = [b'"statement":' + payload]
    if key is not None:
        parts.append(b'"key":' + orjson.dumps(key))
    if signatures:
        signed = [{"keyid": s.key_id, "sig": b64encode(s.value).decode()} for s in signatures]
        parts.append(b'"signatures":' + orjson.dumps(signed))
    item = b"{" + b",".join(parts) + b"}"
    if len(item) > MAX_STATEMENT_BYTES - 64:
        raise EvidenceFormatError(
            "evidence is too large for the server",
            got=f"{len(item)} bytes",
            expected=f"at most {MAX_STATEMENT_BYTES - 64} bytes",
            next_step="put the content into a blob and refer to it",
        )
    return item, payload
