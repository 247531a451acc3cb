"""`aims serve-model` answers at least 90 % of what `mlflow models serve` does, of the same model.

Both servers run at once and are asked in turn, so that both meet the same machine. AIMS_ROUNDS=30
takes more rounds.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
from collections.abc import Callable
from typing import Any

import pytest

from aims_mlops.inventory.project import Project

ROUNDS = int(os.environ.get("AIMS_ROUNDS", "5"))
ROUND_SECONDS = 0.7
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
) -> None:
    plain = [sys.executable, "-c", PLAIN, str(project.root / "model")]
    with serve() as ours, start(plain) as theirs:
        assert ours.url, ours.said
        assert theirs.url, theirs.said
        seen: dict[str, list[int]] = {ours.url: [], theirs.url: []}
        for round_ in range(ROUNDS + 1):
            for url, answered in seen.items():
                found = load(url, ROUND_SECONDS, CLIENTS)
                assert set(found.statuses) == {200}
                if round_:  # the first one warms up
                    answered.append(found.statuses[200])
    rates = [a / b for a, b in zip(seen[ours.url], seen[theirs.url], strict=True)]
    per_second = {
        name: statistics.median(seen[url]) / ROUND_SECONDS
        for name, url in (("aims", ours.url), ("mlflow", theirs.url))
    }
    told = ", ".join(f"{name} {rate:.0f}/s" for name, rate in per_second.items())
    print(f"{told}; {100 * statistics.median(rates):.0f} % at the median of {len(rates)} rounds")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", theirs.url)
    assert statistics.median(rates) >= LEAST
