"""`mlflow server --app-name aims`: MLflow's own server, which does not start without the gate.

MLflow imports this module in the process that was called, before it starts any worker. What is
missing is said there once, and nothing is started. The workers then call `create_app`, which puts
the files of promoted versions out of reach of the artifact proxy and answers for its own health.
`AIMS_MLFLOW_APP=basic-auth` (or another app of MLflow by name) is built around the same server.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import click

from aims_mlops.errors import AimsError
from aims_mlops.mlflow_plugin.server.start import (
    APP_VARIABLE,
    ServerOptions,
    assert_gated,
    prepare_inner_app,
)

NAME = "aims"


def create_app() -> Any:
    """The app that each worker of the server serves: ASGI for uvicorn, else WSGI."""
    try:
        assert_gated(ServerOptions.of_environment())
        return _app()
    except AimsError as error:
        _end(error)
        raise SystemExit(3) from error


def _app() -> Any:
    from mlflow.server import handlers

    from aims_mlops.mlflow_plugin.server.frozen_files import freeze
    from aims_mlops.mlflow_plugin.server.health import add_health, add_native_health
    from aims_mlops.store.database.limits import LOCK_VARIABLE, STATEMENT_VARIABLE
    from mlflow import server

    for variable, seconds in ((LOCK_VARIABLE, "5"), (STATEMENT_VARIABLE, "10")):
        os.environ.setdefault(variable, seconds)  # a request waits for less than a training run
    freeze(handlers)
    add_health(server.app)
    found = _served(server)
    if hasattr(found, "router"):
        add_native_health(found)
    return found


def _served(server: Any) -> Any:
    inner = os.environ.get(APP_VARIABLE)
    if inner:
        return _inner_factory(inner)()
    if os.environ.get("_MLFLOW_SGI_NAME") == "uvicorn":
        from mlflow.server.fastapi_app import create_fastapi_app

        return create_fastapi_app(server.app)
    return server.app


def _inner_factory(name: str) -> Any:
    import importlib

    from mlflow.server import _find_app

    module, _, attribute = _find_app(name).rpartition(":")
    found = getattr(importlib.import_module(module), attribute)
    return found if callable(found) and not hasattr(found, "wsgi_app") else lambda: found


def _end(error: AimsError) -> None:
    """Say why, and end the supervisor, too: it would start workers that fail for ever."""
    import multiprocessing

    click.echo(f"aims: the server does not start: {error}", err=True)
    supervisor = multiprocessing.parent_process()
    if supervisor is not None and supervisor.pid is not None:
        os.kill(supervisor.pid, signal.SIGTERM)


def _check_in_the_parent() -> None:
    """Look at the command line of `mlflow server` while nothing runs yet."""
    context = click.get_current_context(silent=True)
    if context is None or context.params.get("app_name") != NAME:
        return
    try:
        assert_gated(ServerOptions.of_command(context.params))
        prepare_inner_app()
    except AimsError as error:
        raise click.ClickException(f"aims: the server does not start: {error}") from error


_check_in_the_parent()
