"""Registries behind HTTP, in files, and with workspaces: gated like one in a database."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aims_mlops.inventory.project import forget_stores
from aims_mlops.mlflow_plugin.protection.protect import install

_COUNT = iter(range(10_000))


@pytest.fixture
def name() -> str:
    return f"loans-elsewhere-{next(_COUNT)}"


@pytest.fixture
def client_of() -> Iterator[Callable[[str, str], Any]]:
    """A client in this process: tracking URI, registry URI."""
    import mlflow

    def make(tracking: str, registry: str) -> Any:
        mlflow.set_tracking_uri(tracking)
        mlflow.set_registry_uri(registry)
        return mlflow.MlflowClient()

    yield make
    mlflow.set_registry_uri(None)
    mlflow.set_tracking_uri(None)
    forget_stores()


def refused_here(call: Callable[[], object]) -> Any:
    """The refusal of a call that does not even reach a server."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="Nothing was changed") as refused:
        call()
    assert type(refused.value) is MlflowException  # what a server says is a RestException
    assert refused.value.error_code == "PERMISSION_DENIED"
    return refused.value


def test_registry_over_http_is_gated_before_the_request(
    start_server: Callable[..., Any],
    organisation: Any,
    client_of: Callable[[str, str], Any],
    name: str,
    tmp_path: Path,
) -> None:
    bare = start_server(gated=False)
    version = bare.register(name, f"content {name}")
    client = client_of(bare.url, f"aims://{bare.url}")
    error = refused_here(lambda: client.set_registered_model_alias(name, "production", version))
    assert "evidence.run" in str(error)
    refused_here(lambda: client.set_model_version_tag(name, version, "env", "prod"))
    client.set_registered_model_alias(name, "candidate", version)
    organisation.ready(f"content {name}", tmp_path)
    client.set_registered_model_alias(name, "production", version)
    assert bare.aliases(name) == {"candidate": version, "production": version}


def test_registry_in_files_is_gated(
    organisation: Any,
    client_of: Callable[[str, str], Any],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3.17 wants to be told
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.txt").write_text(f"content {name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = client_of(f"sqlite:///{tmp_path}/mlflow.db", f"aims://{tmp_path}/registry")
        client.create_registered_model(name)
        version = client.create_model_version(name, str(tmp_path / "model")).version
        refused_here(lambda: client.set_registered_model_alias(name, "production", version))
        refused_here(lambda: client.transition_model_version_stage(name, version, "Production"))
        organisation.ready(f"content {name}", tmp_path)
        client.set_registered_model_alias(name, "production", version)
        assert client.get_model_version_by_alias(name, "production").version == version


@dataclass
class Workspace:
    """A server with workspaces, called as one of them."""

    server: Any
    name: str

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        head = {"X-MLFLOW-WORKSPACE": self.name}
        found: tuple[int, Any] = self.server.call(method, path, body, headers=head)
        return found

    def api(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.call(method, f"/api/2.0/mlflow/{path}", body)
        assert status == 200, (path, answer)
        return answer

    def register(self, name: str, content: str) -> str:
        """A version whose one file has this content; gives the path of the file."""
        run = self.api("POST", "experiments/create", {"name": f"{name} {content}"})
        made = self.api("POST", "runs/create", {"experiment_id": run["experiment_id"]})["run"]
        path = made["info"]["artifact_uri"].partition(":/")[2].strip("/") + "/model/weights.txt"
        assert self.put(path, content)[0] == 200
        self.api("POST", "registered-models/create", {"name": name})
        source = f"{made['info']['artifact_uri']}/model"
        body = {"name": name, "source": source, "run_id": made["info"]["run_id"]}
        self.api("POST", "model-versions/create", body)
        return path

    def put(self, path: str, content: str) -> tuple[int, Any]:
        where = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
        return self.call("PUT", where, content.encode())

    def alias(self, name: str) -> tuple[int, Any]:
        body = {"name": name, "alias": "production", "version": "1"}
        return self.call("POST", "/api/2.0/mlflow/registered-models/alias", body)


def test_workspaces_are_gated_each_with_its_own_models(
    start_server: Callable[..., Any],
    base_database: Path,
    organisation: Any,
    name: str,
    tmp_path: Path,
) -> None:
    shutil.copy(base_database, tmp_path / "registry.db")
    url = f"sqlite:///{tmp_path}/registry.db"
    install(url, organisation.world.project)
    server = start_server("--enable-workspaces", "--app-name", "aims", registry=url)
    one, other = Workspace(server, "one"), Workspace(server, "other")
    for workspace in (one, other):
        status, answer = server.call("POST", "/api/3.0/mlflow/workspaces", {"name": workspace.name})
        assert status in (200, 201), answer
    assert server.health(triggers="in place")[1]["triggers"] == "in place"
    path = one.register(name, f"content {name}")
    other_path = other.register(name, f"smuggled {name}")
    for workspace in (one, other):
        status, answer = workspace.alias(name)
        assert (status, answer["error_code"]) == (403, "PERMISSION_DENIED")
    organisation.ready(f"content {name}", tmp_path)
    assert one.alias(name)[0] == 200
    assert other.alias(name)[0] == 403
    assert one.put(path, "tampered")[0] == 403
    assert other.put(other_path, "another")[0] == 200
    below = sa.create_engine(url, poolclass=sa.NullPool)
    statement = (
        "INSERT INTO registered_model_aliases (workspace, name, alias, version) "
        "VALUES ('other', :name, 'production', 1)"
    )
    with pytest.raises(sa.exc.DBAPIError, match="no decision allows it"), below.begin() as raw:
        raw.execute(sa.text(statement), {"name": name})


@pytest.mark.parametrize("real", ["databricks-uc", "databricks-uc://profile", ""])
def test_registry_of_an_unknown_kind_is_refused_in_words(organisation: Any, real: str) -> None:
    from mlflow.exceptions import MlflowException

    from aims_mlops.mlflow_plugin.registry.building import gated_registry

    with pytest.raises(MlflowException, match="aims:// has no registry behind it"):
        gated_registry(f"aims://{real}")
