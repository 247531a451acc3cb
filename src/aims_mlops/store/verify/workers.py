"""Check the records of a log in several processes at once.

Each process takes the next piece from a pipe that all of them read, so that none waits for another
that started late or has less of a core. A process is one of its own and not a fork, so that this
works from scripts, notebooks and threads alike: `python -m aims_mlops.store.verify.workers`, the
task as JSON on standard input and the results on standard output. For an SQLite log it loads no
SQLAlchemy: on a log of some thousand records that would take longer than the check.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aims_mlops.errors import StoreError
from aims_mlops.evidence.transparency.keychain import KeySpan
from aims_mlops.processes import usable_processors
from aims_mlops.store.log.pages import open_pages
from aims_mlops.store.log.tile import WIDTH
from aims_mlops.store.verify.record_range import RangeChecker, RangeResult
from aims_mlops.store.verify.times import Times

_TOKEN = struct.Struct("=QQ")  # start and end of a piece; a pipe keeps each whole
_MAX_PIECES = 4_000  # all of them fit into a pipe: 64 KiB
_PIECE = 512  # records, some hundredths of a second of work: nobody waits long for the last
_ALONE = 4_096  # records below which a second process costs more than it saves


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to check the records against; `blobs` and `keys` are where the store keeps them.

    latest : the time at which the newest record before these was received, if that is known.
    """

    dsn: str
    log_id: str
    spans: tuple[KeySpan, ...]
    blobs: str
    keys: str
    read_blobs: bool
    erased: frozenset[str]
    latest: str = ""


def check_records(
    task: Task,
    start: int,
    end: int,
    read_blob: Callable[[str], bytes],
    *,
    workers: int | None,
    meanwhile: Callable[[], None],
) -> RangeResult:
    """Check records [start, end); `meanwhile` runs in this process once the others have begun.

    workers : processes, this one included; one for each core when None. Raises StoreError if one of
    them dies.
    """
    count = workers or usable_processors()
    if end - start < _ALONE or os.name != "posix":  # Windows cannot hand a pipe on by number
        count = 1
    pieces = _filled_pipe(start, end)
    others: list[subprocess.Popen[bytes]] = []
    try:
        others.extend(_start(task, pieces) for _ in range(count - 1))
        meanwhile()
        found = dict(_check_pieces(task, pieces, read_blob))
        for worker in others:
            found.update(_finish(worker))
    finally:
        os.close(pieces)
        for worker in others:
            if worker.poll() is None:
                worker.kill()
            worker.communicate()
    total = RangeResult(times=Times(high=task.latest))
    for _, result in sorted(found.items()):
        total.add(result)
    return total


def _filled_pipe(start: int, end: int) -> int:
    """A pipe that holds every piece and then ends; returns the side to read from."""
    size = max(_PIECE, -(-(end - start) // _MAX_PIECES) // WIDTH * WIDTH + WIDTH)
    reader, writer = os.pipe()
    low = start
    while low < end:
        # Whole tiles, so that the parts can be put together.
        high = min(end, (low + size) // WIDTH * WIDTH)
        os.write(writer, _TOKEN.pack(low, high))
        low = high
    os.close(writer)
    return reader


def _check_pieces(
    task: Task, pieces: int, read_blob: Callable[[str], bytes]
) -> Iterator[tuple[int, RangeResult]]:
    with open_pages(task.dsn) as pages:
        checker = RangeChecker(
            pages,
            task.log_id,
            task.spans,
            read_blob=read_blob if task.read_blobs else None,
            erased=task.erased,
        )
        while token := os.read(pieces, _TOKEN.size):
            start, end = _TOKEN.unpack(token)
            yield start, checker.check(start, end)


def _start(task: Task, pieces: int) -> subprocess.Popen[bytes]:
    worker = subprocess.Popen(
        [sys.executable, "-m", __name__, str(pieces)],
        pass_fds=[pieces],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    sent = asdict(task)
    sent["spans"] = [{**asdict(s), "public": s.public.hex()} for s in task.spans]
    sent["erased"] = sorted(task.erased)
    assert worker.stdin is not None
    worker.stdin.write(json.dumps(sent).encode())
    worker.stdin.close()
    worker.stdin = None
    return worker


def _finish(worker: subprocess.Popen[bytes]) -> dict[int, RangeResult]:
    output, problem = worker.communicate()
    if worker.returncode != 0:
        last = problem.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise StoreError("a process that verifies a part of the log failed", got=last[0][:300])
    return {
        start: RangeResult(
            **{
                **result,
                "blocks": {int(k): bytes.fromhex(v) for k, v in result["blocks"].items()},
                "loose": [(i, bytes.fromhex(h)) for i, h in result["loose"]],
                "times": Times(**result["times"]),
            }
        )
        for start, result in json.loads(output)
    }


def main() -> None:
    """Do the task on standard input."""
    sent = json.loads(sys.stdin.buffer.read())
    sent["spans"] = tuple(
        KeySpan(**{**span, "public": bytes.fromhex(span["public"])}) for span in sent["spans"]
    )
    sent["erased"] = frozenset(sent["erased"])
    task = Task(**sent)
    store: Any = None

    def read_blob(digest: str) -> bytes:
        nonlocal store
        if store is None:
            from aims_mlops.store.opening import open_sql_store

            store = open_sql_store(task.dsn, blobs=task.blobs, keys=Path(task.keys), create=False)
        content: bytes = store.get_blob(digest)
        return content

    done = []
    for start, result in _check_pieces(task, int(sys.argv[1]), read_blob):
        plain = asdict(result)
        plain["blocks"] = {k: v.hex() for k, v in result.blocks.items()}
        plain["loose"] = [(i, h.hex()) for i, h in result.loose]
        done.append((start, plain))
    sys.stdout.write(json.dumps(done))
    if store is not None:
        store.close()


if __name__ == "__main__":
    main()
