"""Server processes for tests that kill them: one forked off, ready imported, for each line read.

    python push_server.py STORE_URL TOKENS PORT

Prints the process id of each server. The servers are real processes and die by a real SIGKILL; only
the seconds of importing are spent once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import fastapi  # noqa: F401  imported before the fork
import sqlalchemy  # noqa: F401
import uvicorn  # noqa: F401

from aims_mlops.server import application, evidence_routes, log_routes  # noqa: F401
from aims_mlops.server.running import serve
from aims_mlops.store.opening import open_sql_store


def main() -> None:
    url, tokens, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    children: list[int] = []
    for _ in sys.stdin:
        for child in children:
            os.waitpid(child, 0)
        child = os.fork()
        if child == 0:
            sys.stdin.close()
            serve(open_sql_store(url), tokens, port=port)
            os._exit(0)
        children = [child]
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
