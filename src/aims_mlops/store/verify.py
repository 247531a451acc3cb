"""Verify a log: the whole of it, or what is new since it was last verified.

Holds means: every record is there once, in order, signed by the key that was the log's at the time;
leaf, columns and index of each record say what its signed statement says; the leaves give the root
in the log's signed checkpoint; and that root continues every checkpoint kept elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import AimsError, EvidenceFormatError, VerificationError
from aims_mlops.evidence.checkpoint import Checkpoint, origin_of, read_checkpoint
from aims_mlops.evidence.envelope import key_id
from aims_mlops.evidence.merkle import grow, leaf_hash, root_of
from aims_mlops.evidence.note import VerifierKey
from aims_mlops.store import verify_worker
from aims_mlops.store.anchors import Anchor, anchors, certificates, check_token
from aims_mlops.store.sql import SqlStore
from aims_mlops.store.tables import head, log_keys, records, tiles
from aims_mlops.store.tree import STEP, WIDTH, fold, split_hashes
from aims_mlops.store.verify_range import KeySpan, RangeChecker, RangeResult
from aims_mlops.store.verify_schema import outside_failures, schema_failures

_ALONE = 4_096  # records below which a second process costs more than it saves


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified, to go on from later; the auditor keeps it, not the store."""

    log_id: str
    size: int
    root: str
    frontier: tuple[str, ...]

    def to_json(self) -> str:
        return json.dumps(
            {
                "log_id": self.log_id,
                "size": self.size,
                "root": self.root,
                "frontier": list(self.frontier),
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> Verified:
        """Read it back; raises EvidenceFormatError."""
        try:
            found = json.loads(text)
            frontier = tuple(found["frontier"])
            state = cls(found["log_id"], found["size"], found["root"], frontier)
            if root_of([bytes.fromhex(h) for h in frontier]).hex() != state.root:
                raise ValueError("the frontier does not give the root")
        except (ValueError, KeyError, TypeError) as error:
            raise EvidenceFormatError(f"not the state of a verified log: {error}") from error
        return state


@dataclass(slots=True)
class Report:
    """The outcome: `holds` and `open_points` in words, and every failure."""

    log_id: str = ""
    size: int = 0
    root: str = ""
    since: int = 0
    checked: int = 0
    signatures: int = 0
    blobs: int = 0
    holds: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    open_points: list[str] = field(default_factory=list)
    verified: Verified | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed; open points are not failures."""
        return not self.failures


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
    trusted : the log's first key as it was handed over; without it the store's word is taken;
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


def range_checker(store: SqlStore, *, blobs: bool, erased: frozenset[str]) -> RangeChecker:
    """The checker for one store, with the keys that its log was signed with."""
    with store.database.reading() as connection:
        spans = _spans(connection)
    return RangeChecker(
        store.database,
        store.log_id,
        spans,
        read_blob=store.get_blob if blobs else None,
        erased=erased,
    )


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
    with store.database.reading() as connection:
        heads = connection.execute(sa.select(head)).all()
        if len(heads) != 1 or heads[0].id != 1:
            raise VerificationError("the log does not have one head", got=f"{len(heads)} rows")
        top = heads[0]
        spans = _spans(connection)
        _check_types(top, spans)
        report.failures.extend(outside_failures(connection, top.size))
    report.log_id, report.size, report.root = top.log_id, int(top.size), bytes(top.root).hex()
    if not spans or spans[0].valid_from != 0:
        raise VerificationError("the log has no first key")
    start, frontier = _start(report, since)

    def database() -> None:
        with store.database.reading() as connection:
            report.failures.extend(schema_failures(store.database, connection, whole=since is None))

    erased = store.erased()
    result = _check_records(
        store, start, report.size, erased, blobs=blobs, workers=workers, meanwhile=database
    )
    report.checked, report.signatures, report.blobs = (
        result.checked,
        result.signatures,
        result.blobs,
    )
    report.failures.extend(result.failures)
    if result.more_failures:
        report.failures.append(f"and {result.more_failures} more")
    anchored = anchors(store)
    notes = (*kept, *(anchor.checkpoint for anchor in anchored))
    _check_roots(store, report, result, start, frontier, top, spans, notes)
    _check_tokens(report, anchored, authorities)
    _check_keys(store, report, spans, trusted)
    _say_what_is_open(store, report, result, since, blobs=blobs)


def _check_types(top: Any, spans: Sequence[Any]) -> None:
    """SQLite keeps any type in any column, and Python reads a number out of bytes."""
    good = (
        type(top.size) is int
        and isinstance(top.log_id, str)
        and isinstance(top.root, bytes)
        and isinstance(top.frontier, bytes)
        and isinstance(top.checkpoint, str | None)
        and all(
            type(s.valid_from) is int
            and isinstance(s.public, bytes)
            and key_id(s.public) == s.key_id
            for s in spans
        )
    )
    if not good:
        raise VerificationError("the head or the keys of the log have values of another type")


def _spans(connection: sa.Connection) -> list[KeySpan]:
    rows = connection.execute(sa.select(log_keys).order_by(log_keys.c.valid_from))
    return [KeySpan(r.valid_from, r.key_id, r.public) for r in rows]


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


def _check_records(
    store: SqlStore,
    start: int,
    end: int,
    erased: frozenset[str],
    *,
    blobs: bool,
    workers: int | None,
    meanwhile: Callable[[], None],
) -> RangeResult:
    """Check records [start, end) in several processes; `meanwhile` runs while the others start."""
    count = workers or os.cpu_count() or 1
    if end - start < _ALONE:
        count = 1
    share = max(WIDTH, -(-(end - start) // count))
    cuts = [start]
    while cuts[-1] < end:
        # Whole tiles for each, so that the parts can be put together.
        cut = min(end, (cuts[-1] + share + WIDTH - 1) // WIDTH * WIDTH)
        cuts.append(cut)
    parts = list(pairwise(cuts))
    others = [
        verify_worker.start(
            {
                "url": store.database.dsn,
                "blobs": store.blob_location,
                "keys": str(store.key_folder),
                "start": low,
                "end": high,
                "read_blobs": blobs,
                "erased": sorted(erased),
            }
        )
        for low, high in parts[1:]
    ]
    total = RangeResult()
    try:
        meanwhile()
        if parts:
            total = range_checker(store, blobs=blobs, erased=erased).check(*parts[0])
    finally:
        results = [verify_worker.finish(worker) for worker in others]
    for result in results:
        total.checked += result.checked
        total.signatures += result.signatures
        total.blobs += result.blobs
        total.erased += result.erased
        total.blocks.update(result.blocks)
        total.loose.extend(result.loose)
        total.failures.extend(result.failures)
        total.more_failures += result.more_failures
    return total


def _check_roots(
    store: SqlStore,
    report: Report,
    result: RangeResult,
    start: int,
    frontier: list[bytes],
    top: Any,
    spans: Sequence[KeySpan],
    kept: Sequence[str],
) -> None:
    if result.checked != report.size - start:
        report.failures.append("the root could not be recomputed: records are missing")
        return
    origin = origin_of(report.log_id)
    keys = [VerifierKey(origin, span.public) for span in spans]
    wanted: dict[int, list[Checkpoint]] = {}
    before = 0
    for note in kept:
        try:
            checkpoint = read_checkpoint(note, keys)
        except AimsError as error:
            report.failures.append(f"a kept checkpoint is not this log's: {error}")
            continue
        if checkpoint.size > report.size:
            report.failures.append(
                f"a kept checkpoint counts {checkpoint.size} records and the log {report.size}: "
                "its end was cut off or an older copy was restored"
            )
        elif checkpoint.size < start:
            before += 1
        else:
            wanted.setdefault(checkpoint.size, []).append(checkpoint)
    if before:
        report.open_points.append(f"{before} kept checkpoints lie before the part verified now")
    roots = _roots_at(store, {*wanted, report.size}, start, frontier, result)
    for size, checkpoints in wanted.items():
        if any(c.root != roots[size] for c in checkpoints):
            report.failures.append(
                f"the first {size} records are not those of a kept checkpoint: "
                "the log was rewritten"
            )
        else:
            report.holds.append(f"the log continues the kept checkpoint of {size} records")
    _check_upper_tiles(store, report, result, start)
    if bytes(top.root) != roots[report.size] or split_hashes(bytes(top.frontier)) != frontier:
        report.failures.append("the records do not give the root that the log's head states")
        return
    if report.size == 0:
        if top.checkpoint is not None:
            report.failures.append("an empty log has a checkpoint")
    else:
        current = [k for k, s in zip(keys, spans, strict=True) if s.valid_from < report.size][-1:]
        try:
            checkpoint = read_checkpoint(top.checkpoint or "", current)
        except AimsError as error:
            report.failures.append(f"the log's checkpoint does not hold: {error}")
            return
        if (checkpoint.size, checkpoint.root) != (report.size, roots[report.size]):
            report.failures.append("the log's signed checkpoint states another size or root")
            return
        report.holds.append(f"{report.checked} records give the root in the signed checkpoint")
    report.verified = Verified(
        report.log_id, report.size, report.root, tuple(h.hex() for h in frontier)
    )


def _roots_at(
    store: SqlStore, sizes: set[int], start: int, frontier: list[bytes], result: RangeResult
) -> dict[int, bytes]:
    """The roots at these sizes, from what was computed; grows `frontier` to the largest."""
    loose = dict(result.loose)
    found: dict[int, bytes] = {}
    position = start
    for target in sorted(sizes):
        while position < target:
            block = result.blocks.get(position // WIDTH)
            if position % WIDTH == 0 and block is not None and position + WIDTH <= target:
                # A whole block takes the place in the frontier of a leaf, eight levels up.
                grow(frontier, position // WIDTH, block)
                position += WIDTH
                continue
            if position not in loose:
                low = position - position % WIDTH
                loose.update(_leaf_hashes(store, low, low + WIDTH))
            grow(frontier, position, loose[position])
            position += 1
        found[target] = root_of(frontier)
    return found


def _leaf_hashes(store: SqlStore, start: int, end: int) -> dict[int, bytes]:
    query = sa.select(records.c.sequence, records.c.leaf).where(
        records.c.sequence >= start, records.c.sequence < end
    )
    with store.database.reading() as connection:
        return {i: leaf_hash(bytes(leaf)) for i, leaf in connection.execute(query)}


def _check_upper_tiles(store: SqlStore, report: Report, result: RangeResult, start: int) -> None:
    """The tiles above the first level that are whole within the part just checked."""
    level, below = STEP, result.blocks
    first = -(-start // WIDTH)
    while below:
        first = -(-first // WIDTH)
        roots: dict[int, bytes] = {}
        last = (max(below) + 1) // WIDTH
        for position in range(first, last):
            hashes = [below[i] for i in range(position * WIDTH, (position + 1) * WIDTH)]
            with store.database.reading() as connection:
                stored = connection.execute(
                    sa.select(tiles.c.hashes).where(
                        tiles.c.level == level, tiles.c.position == position
                    )
                ).scalar()
            if stored is None or bytes(stored) != b"".join(hashes):
                report.failures.append(f"tile {position} of level {level} is not the records'")
            roots[position] = fold(hashes)
        level, below = level + STEP, roots


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


def _check_keys(
    store: SqlStore, report: Report, spans: Sequence[KeySpan], trusted: Sequence[VerifierKey]
) -> None:
    for span in spans[1:]:
        record = next(iter(store.find(since=span.valid_from - 1, limit=1)), None)
        evidence = record.evidence if record else None
        if (
            evidence is None
            or evidence.kind != "key-rotation"
            or evidence.body.get("public") != span.public.hex()
        ):
            report.failures.append(
                f"key {span.key_id[:16]} signs from record {span.valid_from} on, and the key "
                "before it did not hand over"
            )
    for record in store.find(kind="key-revocation"):
        body = record.evidence.body
        report.open_points.append(
            f"key {str(body.get('key_id'))[:16]} was revoked: what it signed from record "
            f"{body.get('since')} on is in doubt unless an anchor is older"
        )
    if trusted:
        if all(key.public != spans[0].public for key in trusted):
            report.failures.append("the log does not begin with a key that was handed over")
        else:
            report.holds.append("the log begins with the key that was handed over")
    else:
        report.open_points.append(
            "the first key is the store's own word: compare it with one handed over by another way"
        )


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
