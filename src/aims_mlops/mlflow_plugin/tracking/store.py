"""MLflow's own tracking store with an ear at the end of each run, and the gate at MCP aliases.

A run that ends and a model that is finished without a run put a small file into a queue; a process
of its own turns it into evidence (`writer`). The answer to the client waits for
the file and for nothing else. Clients need none of our code: `mlflow.autolog()` is enough.
"""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.urls import without_credentials
from aims_mlops.mlflow_plugin.registry.promotion_rules import Guard
from aims_mlops.mlflow_plugin.tracking.queue import RunQueue

PREFIX = "aims://"
_IN_SERVER = "_MLFLOW_SERVER_FILE_STORE"
_logger = logging.getLogger(__name__)


def captured_tracking(store_uri: str, artifact_uri: str | None) -> Any:
    """The tracking store of MLflow behind `aims://<real uri>`, with capture.

    Raises MlflowException for a URI that MLflow's open-source tracking does not know.
    """
    real = store_uri.removeprefix(PREFIX)
    store = _made(_CapturedTracking, real, artifact_uri)
    store.aims_uri = without_credentials(real)
    store.aims_queue = RunQueue.of_project(real, artifact_uri)
    if _IN_SERVER in os.environ:  # set in the workers: the parent does not know where artifacts are
        store.aims_queue.attend()
    return store


def plain_tracking(real: str, artifact_uri: str | None) -> Any:
    """The same store without capture, for the process that reads what the queue names."""
    return _made(None, real, artifact_uri)


def _made(mixin: type | None, real: str, artifact_uri: str | None) -> Any:
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
    from mlflow.exceptions import MlflowException
    from mlflow.store.db.db_types import DATABASE_ENGINES

    scheme = urlsplit(real).scheme.partition("+")[0]
    if scheme in DATABASE_ENGINES:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
        from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

        enabled: Any = MLFLOW_ENABLE_WORKSPACES
        kind: type = WorkspaceAwareSqlAlchemyStore if enabled.get() else SqlAlchemyStore
        return _with(mixin, kind)(real, artifact_uri or _artifact_root())
    if scheme in ("http", "https"):
        from mlflow.store.tracking.rest_store import RestStore
        from mlflow.utils.credentials import get_default_host_creds

        return _with(mixin, RestStore)(partial(get_default_host_creds, real))
    if scheme in ("", "file"):
        from mlflow.store.tracking.file_store import FileStore

        return _with(mixin, FileStore)(real, artifact_uri or real)
    raise MlflowException.invalid_parameter_value(
        f"aims:// has no tracking store behind it: got {without_credentials(real)!r}; expected "
        "such as aims://sqlite:///mlflow.db, aims://postgresql://…, aims://https://… or a folder"
    )


def _with(mixin: type | None, kind: type) -> Any:
    return kind if mixin is None else type(f"Captured{kind.__name__}", (mixin, kind), {})


def _artifact_root() -> str:
    """Where MLflow puts artifacts of a store that is opened inside its server."""
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH

    root: str = os.environ.get("_MLFLOW_SERVER_ARTIFACT_ROOT", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)
    return root


class _CapturedTracking:
    """The methods that say that something ended; goes in front of a real store."""

    aims_uri = ""
    aims_queue: RunQueue

    def update_run_info(self, run_id: str, run_status: Any, end_time: Any, run_name: Any) -> Any:
        done = self._next("update_run_info")(run_id, run_status, end_time, run_name)
        if run_status is not None and _has_ended(run_status):
            self._heard("run", run_id)
        return done

    def finalize_logged_model(self, model_id: str, status: Any) -> Any:
        done = self._next("finalize_logged_model")(model_id, status)
        if not getattr(done, "source_run_id", None):  # with a run, it is part of what that leaves
            self._heard("model", model_id)
        return done

    def set_mcp_server_alias(self, name: str, alias: str, version: str) -> Any:
        """An MCP server's alias is a promotion by the same rules as a model's."""
        write = partial(self._next("set_mcp_server_alias"), name, alias, version)
        if alias == "latest":  # MLflow refuses it by itself
            return write()
        try:
            guard = Guard()
            target = guard.alias_target(name, alias)
            reference = None if target is None else self._mcp_reference(name, version)
        except Exception as error:
            raise _as_refusal(error) from error
        if target is None or reference is None:
            return write()
        return self._gated_mcp_alias(guard, reference, alias, target, write)

    def _gated_mcp_alias(
        self, guard: Guard, reference: ModelReference, alias: str, target: str, write: Any
    ) -> Any:
        from aims_mlops.gates.gate import gate
        from aims_mlops.mlflow_plugin.registry.refusals import refusal

        result: list[Any] = []
        failed: list[Exception] = []

        def tied() -> None:
            try:
                result.append(write())
            except Exception as error:
                failed.append(error)
                raise

        decision = gate(
            reference,
            target=target,
            project=guard.project,
            alias=alias,
            # MCP routes are not Flask's: who is logged in is not known here.
            requester="mlflow:unauthenticated",
            enforced_by=f"the tracking store of MLflow, in front of {self.aims_uri}",
            write=tied,
        )
        if decision.allowed:
            return result[0]
        if failed:
            raise failed[-1]
        words = (
            f"Promotion to {target} by setting alias {alias!r} of MCP server {reference.name!r} to "
            f"version {reference.version}"
        )
        raise refusal(words, decision)

    def _mcp_reference(self, name: str, version: str) -> ModelReference:
        """An MCP server's version by its content: the digest of the server's JSON and tools."""
        import hashlib
        import json

        found = self._next("get_mcp_server_version")(name, version)
        content = {
            "server_json": getattr(found, "server_json", None),
            "tools": getattr(found, "tools", None),
        }
        text = json.dumps(content, sort_keys=True, default=repr, ensure_ascii=True)
        return ModelReference(
            uri=f"mcp-server:/{name}/{version}",
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            name=name,
            version=str(version),
            registry=self.aims_uri,
        )

    def _heard(self, what: str, id_: str) -> None:
        """Queue it; whatever breaks here, the client gets MLflow's own answer."""
        try:
            self.aims_queue.put(what, id_, actor=_logged_in())
        except Exception:
            _logger.exception("aims: the end of %s %s was not queued for evidence", what, id_)

    def _next(self, name: str) -> Any:
        return getattr(super(), name)


def _has_ended(status: Any) -> bool:
    from mlflow.entities import RunStatus

    return bool(RunStatus.is_terminated(int(status)))


def _logged_in() -> str | None:
    """Whoever is logged in to the server by basic-auth."""
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_request_context():
        return None
    user = getattr(flask.g, "mlflow_authenticated_user", None)
    return user if isinstance(user, str) and user else None


def _as_refusal(error: Exception) -> Exception:
    from mlflow.exceptions import MlflowException

    from aims_mlops.mlflow_plugin.registry.refusals import broken

    if isinstance(error, MlflowException):
        return error
    return broken("Setting the alias of an MCP server", error)
