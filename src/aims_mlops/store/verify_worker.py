"""A process that checks one range of a log: `python -m aims_mlops.store.verify_worker`.

The task comes as JSON on standard input and the result goes to standard output. It is a process of
its own and not a fork, so that it works from scripts, notebooks and threads alike.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from aims_mlops.errors import StoreError
from aims_mlops.store.verify_range import RangeResult


def start(task: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start a worker on {url, blobs, keys, start, end, read_blobs, erased}."""
    worker = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert worker.stdin is not None
    worker.stdin.write(json.dumps(task).encode())
    worker.stdin.close()
    worker.stdin = None
    return worker


def finish(worker: subprocess.Popen[bytes]) -> RangeResult:
    """Wait for a worker's result; raises StoreError if it died."""
    output, problem = worker.communicate()
    if worker.returncode != 0:
        last = problem.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise StoreError("a process that verifies a part of the log failed", got=last[0][:300])
    found = json.loads(output)
    found["blocks"] = {int(k): bytes.fromhex(v) for k, v in found["blocks"].items()}
    found["loose"] = [(i, bytes.fromhex(h)) for i, h in found["loose"]]
    return RangeResult(**found)


def main() -> None:
    """Do the task on standard input."""
    from pathlib import Path

    from aims_mlops.store.opening import open_sql_store
    from aims_mlops.store.verify import range_checker

    task = json.loads(sys.stdin.buffer.read())
    store = open_sql_store(task["url"], blobs=task["blobs"], keys=Path(task["keys"]), create=False)
    checker = range_checker(store, blobs=task["read_blobs"], erased=frozenset(task["erased"]))
    found = asdict(checker.check(task["start"], task["end"]))
    found["blocks"] = {k: v.hex() for k, v in found["blocks"].items()}
    found["loose"] = [(i, h.hex()) for i, h in found["loose"]]
    sys.stdout.write(json.dumps(found))
    store.close()


if __name__ == "__main__":
    main()
