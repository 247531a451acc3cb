"""`GET /aims/health` of a gated MLflow server: can it decide, and what stands below it."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aims_mlops.errors import AimsError
from aims_mlops.inventory.project import Project, find_project

FORMAT = "aims-mlflow-health/1"
ROUTE = "/aims/health"
_ANSWER_SECONDS = 0.7  # a probe is told within a second, whatever hangs
_COUNTS_SECONDS = 3.0  # how long a look counts while the next one takes long
_ROOM = 65_536  # bytes that have to fit on the log's disk


def add_health(app: Any) -> None:
    """Answer the route before anything that asks for a log-in: probes have none.

    app : MLflow's Flask app. The answer names states only, no address, person or model.
    """
    from flask import Response, request
    from mlflow.server.handlers import _add_static_prefix

    route = _add_static_prefix(ROUTE)

    def answer() -> Response | None:
        if request.path.rstrip("/") != route or request.method not in ("GET", "HEAD"):
            return None
        status, text = answered()
        return Response(text, status=status, mimetype="application/json")

    app.before_request(answer)
    _look.begin()  # the first one opens stores, which takes longer


def add_native_health(app: Any) -> None:
    """The same for an ASGI app, in front of all its routes and threads.

    There it is answered even while every thread that serves MLflow's Flask app is taken.
    """
    import asyncio

    from mlflow.server.handlers import _add_static_prefix
    from starlette.responses import Response
    from starlette.routing import Route

    own = ThreadPoolExecutor(2, thread_name_prefix="aims-health")

    async def answer(_request: Any) -> Any:
        status, text = await asyncio.get_running_loop().run_in_executor(own, answered)
        return Response(text, status_code=status, media_type="application/json")

    app.router.routes.insert(0, Route(_add_static_prefix(ROUTE), answer, methods=["GET"]))


def answered() -> tuple[int, str]:
    """Status and JSON for a probe, within a second."""
    found = _look.result(_ANSWER_SECONDS)
    return (200 if found["gate"] == "decides" else 503), json.dumps(found)


class _Look:
    """One look at a time. While it takes long, the last one counts for a few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: threading.Event | None = None
        self._found: dict[str, Any] = {}
        self._at = -_COUNTS_SECONDS

    def begin(self) -> threading.Event:
        with self._lock:
            if self._done is None:
                self._done = threading.Event()
                threading.Thread(target=self._go, args=(self._done,), daemon=True).start()
            return self._done

    def result(self, seconds: float) -> dict[str, Any]:
        if self.begin().wait(seconds) or time.monotonic() - self._at < _COUNTS_SECONDS:
            return self._found
        return _answer("away", "unknown", "unknown", ["log: no answer in time"])

    def _go(self, done: threading.Event) -> None:
        try:
            self._found, self._at = health(), time.monotonic()
        finally:
            with self._lock:
                self._done = None
            done.set()


_look = _Look()


def health() -> dict[str, Any]:
    """What a probe is told.

    gate : `decides`, or `refuses`, which is what it does while anything that it needs is broken.
    log : `answers`, `away`, or `full` where nothing more fits on its disk.
    policies : `read` or `broken`.
    triggers : `in place`, `missing`, `changed`, or `none` for a registry that can have none.
    """
    log, policies, triggers, project = "away", "broken", "unknown", None
    problems: list[str] = []
    try:
        project = find_project()
        _read_policies(project)
        policies = "read"
    except Exception as error:  # noqa: BLE001  health is an answer whatever breaks
        problems.append(_words("policies", error))
    if project is not None:
        try:
            project.open_store().status()
            log = "answers" if _has_room(project) else "full"
        except Exception as error:  # noqa: BLE001
            problems.append(_words("log", error))
        try:
            triggers = _triggers(project)
        except Exception as error:  # noqa: BLE001
            problems.append(_words("triggers", error))
    return _answer(log, policies, triggers, problems)


def _answer(log: str, policies: str, triggers: str, problems: list[str]) -> dict[str, Any]:
    decides = log == "answers" and policies == "read"
    return {
        "format": FORMAT,
        "gate": "decides" if decides else "refuses",
        "log": log,
        "policies": policies,
        "triggers": triggers,
        "problems": problems,
    }


def _has_room(project: Project) -> bool:
    """Whether a decision would fit on the disk of a log in a file."""
    import sqlalchemy as sa

    if not project.store_url.startswith("sqlite"):
        return True
    folder = Path(sa.make_url(project.store_url).database or "").absolute().parent
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
            file.flush()
    except OSError:
        return False
    return True


def _read_policies(project: Project) -> None:
    from aims_mlops.policy.loading import load_policy

    for name in project.settings.targets:
        source = project.policy_source(name)
        if source is not None:
            load_policy(source)


def _triggers(project: Project) -> str:
    from mlflow.server.handlers import _get_model_registry_store

    from aims_mlops.mlflow_plugin.protection.protect import checked

    store: Any = _get_model_registry_store()
    if not hasattr(store, "engine") or store.engine.dialect.name not in ("sqlite", "postgresql"):
        return "none"
    with store.engine.connect() as connection:
        found = checked(connection, project)
    if found.missing:
        return "missing"
    return "changed" if found.changed else "in place"


def _words(what: str, error: Exception) -> str:
    """The kind of an error; its text may name addresses, which a probe has no use for."""
    kind = type(error).__name__
    return f"{what}: {kind}" + ("" if isinstance(error, AimsError) else " (unexpected)")
