"""`aims serve-model` answers at least 90 % of what `mlflow models serve` does, of the same model.

Both servers run at once and are asked in turn, so that both meet the same machine. On one that is
busy with something else the rounds differ by more than what is measured; then the processor time of
an answer says it, which is what bounds a server of one process. It counts all a server did from
the first round to the last, so also what ours writes while the other is asked. AIMS_ROUNDS=60 takes
more rounds.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.inventory.project import Project

ROUNDS = int(os.environ.get("AIMS_ROUNDS", "20"))
ROUND_SECONDS = 0.5
CLIENTS = 2
LEAST = 0.9

# What `mlflow models serve --env-manager local` ends in, with the port told as ours tells it, and
# without a line of text for each request, which would cost it more than ours writes.
PLAIN = """
import os, sys
os.environ["__pyfunc_model_path__"] = sys.argv[1]
import uvicorn
from mlflow.pyfunc.scoring_server.app import app

class Told(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"Serving at http://127.0.0.1:{port}", flush=True)

Told(uvicorn.Config(app, port=0, access_log=False)).run()
"""


@pytest.mark.benchmark
def test_throughput_is_at_least_nine_tenths_of_mlflows_own_server(
    project: Project,
    serve: Callable[..., Any],
    start: Callable[..., Any],
    load: Callable[..., Any],
    figures: Any,
) -> None:
    often = project.path.read_text().replace("flush_seconds: 1}", "flush_seconds: 5}")
    assert "flush_seconds: 5" in often
    project.path.write_text(often)  # sooner than by default, so that some of it falls into the time
    plain = [sys.executable, "-c", PLAIN, str(project.root / "model")]
    with serve() as ours, start(plain) as theirs:
        assert ours.url, ours.said
        assert theirs.url, theirs.said
        servers = {"aims": ours, "mlflow": theirs}
        answers: dict[str, list[int]] = {name: [] for name in servers}
        for server in servers.values():
            load(server.url, 4 * ROUND_SECONDS, CLIENTS)  # warms up
        before = {name: processor_seconds(s.process.pid) for name, s in servers.items()}
        for round_ in range(ROUNDS):
            for name in list(servers)[:: 1 if round_ % 2 else -1]:
                found = load(servers[name].url, ROUND_SECONDS, CLIENTS)
                assert set(found.statuses) == {200}
                answers[name].append(found.statuses[200])
        after = {name: processor_seconds(s.process.pid) for name, s in servers.items()}
    share = statistics.median(
        a / b for a, b in zip(answers["aims"], answers["mlflow"], strict=True)
    )
    cost = {name: (after[name] - before[name]) / sum(answers[name]) for name in servers}
    of_processor = cost["mlflow"] / cost["aims"]
    for name in servers:
        rate = statistics.median(answers[name]) / ROUND_SECONDS
        print(f"{name}: {rate:.0f} answers/s, {cost[name] * 1e3:.2f} ms of a processor each")
    print(
        f"{100 * share:.0f} % at the median of {ROUNDS} rounds, {100 * of_processor:.0f} % by time"
    )
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", theirs.url)
    figures.at_least("serve-model / MLflow's server", max(share, of_processor), LEAST)


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far; source: proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
