"""What the server answers, as models for the OpenAPI document and as the bytes themselves."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.responses import Response

from aims_mlops.evidence.records import Record
from aims_mlops.evidence.schemas import is_known


class RecordAnswer(BaseModel):
    """A record as the log holds it.

    `envelope` and `leaf` are the exact stored bytes as text. `known` is false for a kind or a body
    version that this server does not know; such a record is kept as it came.
    """

    sequence: int
    id: str
    key: str
    received_at: str
    kind: str
    version: int
    known: bool
    envelope: str
    leaf: str


class PushedRecord(RecordAnswer):
    """A stored record with the audit path from its leaf to the checkpoint of the answer."""

    proof: list[str]


class PushAnswer(BaseModel):
    """The records of a push in its order, durable, and the signed checkpoint that holds them."""

    checkpoint: str
    records: list[PushedRecord]


class PageAnswer(BaseModel):
    """Some records; `next` is the `since` (or `before`, newest first) of the next page."""

    records: list[RecordAnswer]
    next: int | None


class StatementAnswer(RecordAnswer):
    """A record with its statement as JSON."""

    statement: dict[str, Any]


class KeyAnswer(BaseModel):
    """A key of the log: raw Ed25519 in base64, valid from this record on."""

    valid_from: int
    public: str


class LogAnswer(BaseModel):
    """The state of the log."""

    log_id: str
    size: int
    root: str
    checkpoint: str | None
    anchored: bool
    keys: list[KeyAnswer]


class ProvedRecord(RecordAnswer):
    """A record with the audit path from its leaf to the checkpoint of the answer."""

    proof: list[str]


class HandoverAnswer(ProvedRecord):
    """The record by which the log's key changed; `following` where only that proves it."""

    following: ProvedRecord | None


class TrustAnswer(BaseModel):
    """What a client with a pinned key needs to follow the log, as of one checkpoint.

    `consistency` is the proof from the size asked for; null where the log is shorter.
    """

    log_id: str
    checkpoint: str | None
    keys: list[KeyAnswer]
    handovers: list[HandoverAnswer]
    consistency: list[str] | None


class PathsAnswer(BaseModel):
    """Audit paths, one for each record asked for: hashes in base64."""

    paths: list[list[str]]


class PathAnswer(BaseModel):
    """A consistency proof: hashes in base64."""

    path: list[str]


class BlobAnswer(BaseModel):
    """A stored blob."""

    sha256: str
    size: int
    media_type: str


class HealthAnswer(BaseModel):
    """The server answers, and its store can be read."""

    status: str


class AlarmAnswer(BaseModel):
    """Something that is wrong with the monitoring of a system."""

    key: str
    what: str
    severity: str
    system: str | None
    reason: str
    next_step: str
    since: str


class AlarmsAnswer(BaseModel):
    """What is wrong now, as computed from the log when it was asked for."""

    at: str
    alarms: list[AlarmAnswer]


def json_response(value: Any) -> Response:
    """The value as a JSON response that nobody caches."""
    return Response(
        orjson.dumps(value), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


def record_answer(record: Record) -> dict[str, Any]:
    """A record as a RecordAnswer."""
    evidence = record.evidence
    return {
        "sequence": record.sequence,
        "id": record.id,
        "key": record.key,
        "received_at": record.received_at,
        "kind": evidence.kind,
        "version": evidence.version,
        "known": is_known(evidence.kind, evidence.version),
        "envelope": record.envelope.decode(),
        "leaf": record.leaf.decode(),
    }


def hashes(path: Sequence[bytes]) -> list[str]:
    """Hashes in base64."""
    return [b64encode(hashed).decode() for hashed in path]
