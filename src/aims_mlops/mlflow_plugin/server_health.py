"""`GET /aims/health` of a gated MLflow server: can it decide, and what stands below it."""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import AimsError
from aims_mlops.inventory.project import Project, find_project

FORMAT = "aims-mlflow-health/1"
ROUTE = "/aims/health"


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
        import json

        found = health()
        status = 200 if found["gate"] == "decides" else 503
        return Response(json.dumps(found), status=status, mimetype="application/json")

    app.before_request(answer)


def health() -> dict[str, Any]:
    """What a probe is told.

    gate : `decides`, or `refuses`, which is what it does while anything that it needs is broken.
    log : `answers` or `away`.  policies : `read` or `broken`.
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
            log = "answers"
        except Exception as error:  # noqa: BLE001
            problems.append(_words("log", error))
        try:
            triggers = _triggers(project)
        except Exception as error:  # noqa: BLE001
            problems.append(_words("triggers", error))
    decides = log == "answers" and policies == "read"
    return {
        "format": FORMAT,
        "gate": "decides" if decides else "refuses",
        "log": log,
        "policies": policies,
        "triggers": triggers,
        "problems": problems,
    }


def _read_policies(project: Project) -> None:
    from aims_mlops.policy.loading import load_policy

    for name in project.settings.targets:
        source = project.policy_source(name)
        if source is not None:
            load_policy(source)


def _triggers(project: Project) -> str:
    from mlflow.server.handlers import _get_model_registry_store

    from aims_mlops.mlflow_plugin.protect import checked

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
