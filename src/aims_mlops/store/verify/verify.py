"""Verify a log: the whole of it, or what is new since it was last verified.

Holds means: every record is there once, in order, signed by the key that was the log's at the time;
leaf, columns and index of each record say what its signed statement says; the leaves give the root
in the log's signed checkpoint; and that root continues every checkpoint kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import AimsError, VerificationError
from aims_mlops.evidence.encoding.envelope import key_id
from aims_mlops.evidence.kinds import CLOCK_CHANGE
from aims_mlops.evidence.transparency.keychain import KeySpan
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.administration.anchors import Anchor, anchors, certificates, check_token
from aims_mlops.store.database.database import meaning
from aims_mlops.store.database.tables import head, log_keys
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.verify.keys import check_keys, last_signed
from aims_mlops.store.verify.record_range import MAX_FINDINGS, RangeResult
from aims_mlops.store.verify.report import Report, Verified
from aims_mlops.store.verify.roots import check_roots
from aims_mlops.store.verify.schema import outside_failures, schema_failures
from aims_mlops.store.verify.workers import Task, check_records

__all__ = ["Report", "Verified", "verify_store"]


def verify_store(
    store: SqlStore,
    *,
    since: Verified | None = None,
    kept: Sequence[str] = (),
    trusted: Sequence[VerifierKey] = (),
    authorities: Sequence[Path] = (),
    blobs: bool = True,
    workers: int | None = None,
) -> Report:
    """Verify the log and say what holds, what fails and what could not be checked.

    since : check only what was added after this; kept : checkpoints (notes) that were kept outside;
    trusted : the log's key as it was handed over, its first or one that signed its newest or a kept
    checkpoint; beside it counts what AIMS_LOG_KEY pins, and without either what this machine
    signed last and the log's key at hand; with none of these the store's word is taken;
    authorities : PEM files with roots of time-stamp authorities, to check their tokens;
    blobs : read every blob as well; workers : processes, one for each core when None.
    """
    report = Report()
    # A connection that is open keeps pages in memory and would not see a change under its feet.
    store.database.close()
    try:
        _verify(store, report, since, kept, trusted, authorities, blobs=blobs, workers=workers)
    except AimsError as error:
        report.failures.append(str(error))
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        # Values of a type that no part of the log writes.
        report.failures.append(f"the log cannot be read: {type(error).__name__}: {error}"[:300])
    if report.failures:
        report.verified = None
    return report


def _verify(
    store: SqlStore,
    report: Report,
    since: Verified | None,
    kept: Sequence[str],
    trusted: Sequence[VerifierKey],
    authorities: Sequence[Path],
    *,
    blobs: bool,
    workers: int | None,
) -> None:
    signed_here = last_signed(store)  # before the head, which is then no older
    with store.database.reading() as connection:
        heads = connection.execute(sa.select(head)).all()
        if len(heads) != 1 or heads[0].id != 1:
            raise VerificationError("the log does not have one head", got=f"{len(heads)} rows")
        top = heads[0]
        rows = connection.execute(sa.select(log_keys).order_by(log_keys.c.valid_from)).all()
        _check_types(top, rows)
        spans = [KeySpan(row.valid_from, row.public) for row in rows]
        report.failures.extend(outside_failures(connection, top.size))
    report.log_id, report.size, report.root = top.log_id, int(top.size), bytes(top.root).hex()
    if not spans or spans[0].valid_from != 0:
        raise VerificationError("the log has no first key")
    start, frontier = _start(report, since)

    def database() -> None:
        with store.database.reading() as connection:
            report.failures.extend(schema_failures(store.database, connection, whole=since is None))

    task = Task(
        dsn=store.database.dsn,
        log_id=report.log_id,
        spans=tuple(spans),
        blobs=store.blob_location,
        keys=str(store.key_folder),
        read_blobs=blobs,
        erased=store.erased(),
        latest=since.received if since is not None else "",
    )
    with meaning(store.database):
        result = check_records(
            task, start, report.size, store.get_blob, workers=workers, meanwhile=database
        )
    report.checked, report.signatures, report.blobs = (
        result.checked,
        result.signatures,
        result.blobs,
    )
    report.failures.extend(result.failures)
    if result.more_failures:
        report.failures.append(f"and {result.more_failures} more")
    report.failures.extend(result.times.failures[:MAX_FINDINGS])
    report.latest = result.times.high
    for record in store.find(kind=CLOCK_CHANGE):
        report.open_points.append(
            f"the log's clock was set back at record {record.sequence}: when the records before it "
            "were received is in doubt"
        )
    anchored = anchors(store)
    notes = (*kept, *(anchor.checkpoint for anchor in anchored))
    continues = check_roots(store, report, result, start, frontier, top, spans, notes, signed_here)
    _check_tokens(report, anchored, authorities)
    check_keys(store, report, spans, top.checkpoint, trusted, kept, continues=continues)
    _say_what_is_open(store, report, result, since, blobs=blobs)


def _check_types(top: Any, rows: Sequence[Any]) -> None:
    """SQLite keeps any type in any column, and Python reads a number out of bytes."""
    good = (
        type(top.size) is int
        and isinstance(top.log_id, str)
        and isinstance(top.root, bytes)
        and isinstance(top.frontier, bytes)
        and isinstance(top.checkpoint, str | None)
        and all(
            type(r.valid_from) is int
            and isinstance(r.public, bytes)
            and key_id(r.public) == r.key_id
            for r in rows
        )
    )
    if not good:
        raise VerificationError("the head or the keys of the log have values of another type")


def _start(report: Report, since: Verified | None) -> tuple[int, list[bytes]]:
    if since is None:
        return 0, []
    if since.log_id != report.log_id:
        raise VerificationError(
            "this is another log than the one verified before",
            got=report.log_id,
            expected=since.log_id,
        )
    if since.size > report.size:
        raise VerificationError(
            "the log is shorter than when it was last verified: its end was cut off or an older "
            "copy was restored",
            got=f"{report.size} records",
            expected=f"at least {since.size}",
        )
    report.since = since.size
    return since.size, [bytes.fromhex(h) for h in since.frontier]


def _check_tokens(report: Report, found: Sequence[Anchor], authorities: Sequence[Path]) -> None:
    stamped = [anchor for anchor in found if anchor.token is not None]
    if stamped and not authorities:
        report.open_points.append(
            f"{len(stamped)} time-stamp tokens were not checked: no root certificate was given"
        )
        return
    roots = certificates(tuple(authorities)) if stamped else []
    for anchor in stamped:
        try:
            time = check_token(anchor.token or b"", anchor.checkpoint, roots)
        except VerificationError as error:
            report.failures.append(f"record {anchor.sequence}: {error}")
        else:
            report.holds.append(f"{anchor.place} saw the first {anchor.size} records by {time}")


def _say_what_is_open(
    store: SqlStore,
    report: Report,
    result: RangeResult,
    since: Verified | None,
    *,
    blobs: bool,
) -> None:
    if since is not None:
        report.open_points.append(f"the first {since.size} records were not read again")
    if not blobs:
        report.open_points.append("blobs were not read")
    elif result.blobs:
        report.holds.append(f"{result.blobs} blobs are what their records name")
    if result.erased:
        report.open_points.append(f"{result.erased} blobs: content erased, commitment intact")
    if not store.status().anchored:
        report.open_points.append(
            "unanchored: whoever holds the database and the key can rewrite everything"
        )
