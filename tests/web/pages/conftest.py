"""A project whose every text is hostile, its pages served, and one real Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from aims_mlops.inventory.project import find_project
from aims_mlops.operations.incident import open_incident
from aims_mlops.web.routes.every import console_routers
from aims_mlops.web.routes.pages import Console
from support.gate import made_world
from support.world import World, figure

# Each part sets a mark or asks the network if it gets to run.
HOSTILE = (
    "<script>window.ran=1</script><img src=x onerror='window.ran=1'><svg onload=window.ran=1>"
    "'\" autofocus onfocus=window.ran=1 x='</title></textarea><script>window.ran=1</script>"
    "<iframe src='javascript:parent.ran=1'></iframe>{{ 7*7 }} javascript:window.ran=1"
)
QUOTED = HOSTILE.replace("'", "''")


@dataclass(frozen=True)
class Someone:
    """A viewer of the tests; `systems` None sees all."""

    person: str = "bo"
    name: str = HOSTILE
    roles: frozenset[str] = frozenset({"risk-owner", "admin"})
    systems: frozenset[str] | None = None
    csrf: str = "token"


@dataclass
class Served:
    """The pages of a world at an address, as `viewer` sees them."""

    world: World
    url: str = ""
    viewer: Someone = field(default_factory=Someone)
    ids: dict[str, str] = field(default_factory=dict)

    def console(self) -> Console:
        root = self.world.root
        return Console(
            project=lambda: find_project(root),
            store=self.world.store,
            may=lambda action: lambda: self.viewer,
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("pages")
        with made_world(folder, patch) as world:
            found = Served(world)
            _fill(world, found.ids)
            server, thread = _serve(found)
            try:
                yield found
            finally:
                server.should_exit = True
                thread.join()


def _serve(found: Served) -> tuple[Any, threading.Thread]:
    app = FastAPI()
    console = found.console()
    for router in console_routers(console):
        app.include_router(router)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    found.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    return server, thread


def _fill(world: World, ids: dict[str, str]) -> None:
    """A model on its way to production, everything around it, and hostile words everywhere."""
    settings = (world.root / "aims.yaml").read_text()
    for plain in ("Loan decisions", "help clerks", "clerks look at the score"):
        settings = settings.replace(plain, f"'{QUOTED} {plain}'")
    settings = settings.replace("{id: cy, ", f"{{id: cy, name: '{QUOTED}', ")
    settings += "  staging: {policy: policies/production.yaml}\n"
    world.write("aims.yaml", settings)
    assessment = (world.root / "assessment.yaml").read_text()
    for plain in ("version one", "a score", "help clerks", "clerks look at it"):
        assessment = assessment.replace(plain, f"'{QUOTED} {plain}'")
    world.write("assessment.yaml", assessment)
    first = world.train("one", figures=[figure(0.7, 0.65, 0.75)])
    second = world.train("two", registered="loans")
    about = {"run": world.sha("run two")[:32]}
    data = world.sha("data two")
    world.record("dataset", [_subject("dataset:d", data)],
                 {"name": HOSTILE, "sha256": data, "role": HOSTILE, "rows": 7, "source": HOSTILE,
                  "licence": HOSTILE, "derived_from": [{"name": HOSTILE, "sha256": first.sha256}]},
                 **about)  # fmt: skip
    world.record("bias", [second.subject],
                 {"task": HOSTILE, "notes": [HOSTILE],
                  "figures": [figure(0.1, 0.0, 0.2, measure=HOSTILE, group={HOSTILE: "*"})]},
                 **about)  # fmt: skip
    world.submit(second)
    approval = world.approve(second, reason=HOSTILE)
    third = world.train("three", registered="loans")
    world.submit(third)
    world.approve(third, person="cy", verdict="return", reason=HOSTILE)
    body = {"decision": None, "alias": "champion", "outcome": "set", "route": "alias",
            "name": "loans", "version": "2", "model": second.sha256, "target": "production",
            "model_uri": "models:/loans/2", "archived_others": False}  # fmt: skip
    world.record("promotion", [second.subject], body)
    world.record("gap", [_name("run:x")], {"where": HOSTILE, "error": HOSTILE, "message": HOSTILE})
    world.record("deployment", [second.subject],
                 {"event": "deployed", "target": "production", "where": HOSTILE,
                  "model": second.sha256, "model_uri": HOSTILE, "rollback_plan": HOSTILE},
                 )  # fmt: skip
    world.record("nonconformity", [second.subject],
                 {"what": HOSTILE, "state": "open", "severity": "major", "reason": HOSTILE,
                  "owner": "bo", "due": "2026-01-01T00:00:00Z", "next_step": HOSTILE})  # fmt: skip
    from datetime import UTC, datetime

    from aims_mlops.management.registers.enter import add

    goal = {"id": "O-1", "title": HOSTILE, "owner": "ana", "measure": HOSTILE, "target": HOSTILE,
            "plan": HOSTILE, "systems": ["loans"], "notes": HOSTILE}  # fmt: skip
    add(world.project, world.store, "objective", goal, actor="ana", now=datetime.now(UTC))
    open_incident(world.store, world.project, system="loans", title=HOSTILE, severity="major",
                  actor=HOSTILE, now=datetime.now(UTC))  # fmt: skip
    for day in (1, 2, 3):
        column = {"threshold": 0.1, "effect_method": HOSTILE, "verdict": "drift", "reason": HOSTILE,
                  "effect": 0.1 * day}  # fmt: skip
        world.record("drift", [second.subject],
                     {"columns": {HOSTILE: column}, "verdict": "drift", "figures": []})  # fmt: skip
    plot = world.store.put_blob(SVG.encode(), media_type="image/svg+xml")
    page = world.store.put_blob(PAGE.encode(), media_type="text/html")
    run = world.record("monitoring-run", [second.subject],
                       {"monitor": HOSTILE, "stage": "data", "outcome": HOSTILE, "rows": 3,
                        "window": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"},
                        "findings": [{"what": HOSTILE, "reason": HOSTILE}],
                        "plots": [{"sha256": plot.sha256}, {"sha256": page.sha256}]})  # fmt: skip
    world.record("inference-log", [second.subject],
                 {"event": "written", "rows": 5, "written": 4, "process": HOSTILE})  # fmt: skip
    ids.update(model=second.sha256, record=approval.id, run=run.id, svg=plot.sha256,
               html=page.sha256, first=first.sha256, third=third.sha256)  # fmt: skip


SVG = "<svg xmlns='http://www.w3.org/2000/svg'><script>window.ran=1</script></svg>"
PAGE = "<!doctype html><script>window.ran=1</script>"


def _subject(name: str, sha256: str) -> Any:
    from aims_mlops.evidence.records import Subject

    return Subject(name, sha256)


def _name(name: str) -> Any:
    from aims_mlops.evidence.records import Subject

    return Subject.of_name(name)
