"""Hold the root over the records against the log's signed checkpoint and those kept elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa  # noqa: TID253  the adapter itself

from aims_mlops.errors import AimsError
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, origin_of
from aims_mlops.evidence.transparency.keychain import KeyChain, KeySpan
from aims_mlops.evidence.transparency.merkle import grow, leaf_hash, root_of
from aims_mlops.store.database.tables import records, tiles
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.log.tile import STEP, WIDTH, fold, split_hashes
from aims_mlops.store.verify.record_range import RangeResult
from aims_mlops.store.verify.report import Report, Verified


def check_roots(
    store: SqlStore,
    report: Report,
    result: RangeResult,
    start: int,
    frontier: list[bytes],
    top: Any,
    spans: Sequence[KeySpan],
    kept: Sequence[str],
    signed_here: tuple[int, bytes] | None,
) -> bool:
    """Compare; whether the log is shown to continue what this machine itself signed last.

    kept : checkpoints (notes) from outside.  signed_here : size and root.
    """
    if result.checked != report.size - start:
        report.failures.append("the root could not be recomputed: records are missing")
        return False
    try:
        chain = KeyChain(origin_of(report.log_id), spans)
    except AimsError:
        return False  # what is wrong with the keys is told where they are checked
    wanted: dict[int, list[Checkpoint]] = {}
    before = 0
    for note in kept:
        try:
            checkpoint = chain.read_checkpoint(note)
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
    seen, seen_root = signed_here if signed_here is not None else (-1, b"")
    sizes = {*wanted, report.size, *({seen} if start <= seen <= report.size else ())}
    roots = _roots_at(store, sizes, start, frontier, result)
    if seen > report.size or roots.get(seen, seen_root) != seen_root:
        report.failures.append(
            f"the log is not the one that this machine signed last: {seen} records, which it does "
            "not contain. It was rewritten, cut off, or an older copy was restored"
        )
    elif seen in roots:
        report.holds.append(f"the log continues the {seen} records that this machine signed last")
    for size, checkpoints in wanted.items():
        if any(c.root != roots[size] for c in checkpoints):
            report.failures.append(
                f"the first {size} records are not those of a kept checkpoint: "
                "the log was rewritten"
            )
        else:
            report.holds.append(f"the log continues the kept checkpoint of {size} records")
    _check_upper_tiles(store, report, result, start)
    _check_head(report, frontier, top, chain, roots[report.size])
    return roots.get(seen) == seen_root


def _check_head(
    report: Report, frontier: list[bytes], top: Any, chain: KeyChain, root: bytes
) -> None:
    """The root over the records against the stored head and its signed checkpoint."""
    if bytes(top.root) != root or split_hashes(bytes(top.frontier)) != frontier:
        report.failures.append("the records do not give the root that the log's head states")
        return
    if report.size == 0:
        if top.checkpoint is not None:
            report.failures.append("an empty log has a checkpoint")
    else:
        try:
            checkpoint = chain.read_head(top.checkpoint or "")
        except AimsError as error:
            report.failures.append(f"the log's checkpoint does not hold: {error}")
            return
        if (checkpoint.size, checkpoint.root) != (report.size, root):
            report.failures.append("the log's signed checkpoint states another size or root")
            return
        report.holds.append(f"{report.checked} records give the root in the signed checkpoint")
    report.verified = Verified(
        report.log_id, report.size, report.root, tuple(h.hex() for h in frontier), report.latest
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
