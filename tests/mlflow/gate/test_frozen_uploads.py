"""Uploads in parts and by presigned address, which only stores in a cloud can do, are frozen, too.

The repository is one of MLflow's own kind over a folder, with the methods of a cloud's added; the
registry is a real one with a promoted version.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.mlflow_plugin.server.frozen_files import frozen


@pytest.fixture
def registry(
    organisation: Any, base_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A registry in which version 1 of 'loans' has the alias production, set before the gate."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    shutil.copy(base_database, tmp_path / "mlflow.db")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", str(tmp_path / "kept"))
    store = SqlAlchemyStore(f"sqlite:///{tmp_path}/mlflow.db")
    store.create_registered_model("loans")
    store.create_model_version("loans", "mlflow-artifacts:/0/run/artifacts/model")
    store.set_registered_model_alias("loans", "production", "1")
    yield store
    store.engine.dispose()


@pytest.fixture
def repository(registry: Any, tmp_path: Path) -> Any:
    from mlflow.store.artifact.artifact_repo import MultipartUploadMixin, PresignedUploadMixin
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    class Cloud(LocalArtifactRepository, MultipartUploadMixin, PresignedUploadMixin):
        def create_multipart_upload(
            self, local_file: str, num_parts: int = 1, artifact_path: str | None = None
        ) -> Any:
            return "created"

        def complete_multipart_upload(
            self, local_file: str, upload_id: str, parts: Any, artifact_path: str | None = None
        ) -> Any:
            return "completed"

        def abort_multipart_upload(
            self, local_file: str, upload_id: str, artifact_path: str | None = None
        ) -> Any:
            return "aborted"

        def create_presigned_upload_url(self, artifact_path: str, expiration: int = 900) -> Any:
            return "address"

    return frozen(Cloud(str(tmp_path / "kept")), lambda: registry, lambda: None)


WRITES: dict[str, Callable[[Any, str], Any]] = {
    "parts": lambda r, folder: r.create_multipart_upload("weights.txt", 2, folder),
    "parts, from elsewhere": lambda r, folder: r.create_multipart_upload("/x/w.txt", 2, folder),
    "last part": lambda r, folder: r.complete_multipart_upload("w.txt", "1", [], folder),
    "address": lambda r, folder: r.create_presigned_upload_url(f"{folder}/weights.txt"),
    "folder": lambda r, folder: r.log_artifacts(".", folder),
}


@pytest.mark.parametrize("write", WRITES)
def test_upload_into_a_promoted_version_is_refused_and_beside_it_is_not(
    repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    from mlflow.exceptions import MlflowException

    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "weights.txt").write_text("tampered")
    monkeypatch.chdir(tmp_path / "new")
    for folder in (
        "0/run/artifacts/model",
        "0/run/artifacts/MODEL/sub",
        "0/run/x/../artifacts/model",
    ):
        with pytest.raises(MlflowException, match="version 1 of 'loans'") as refused:
            WRITES[write](repository, folder)
        assert refused.value.error_code == "PERMISSION_DENIED"
    WRITES[write](repository, "0/run/artifacts/model-2")


def test_registry_that_does_not_answer_refuses_every_write(registry: Any, repository: Any) -> None:
    from mlflow.exceptions import MlflowException
    from sqlalchemy import text

    with registry.engine.begin() as connection:
        connection.execute(text("DROP TABLE registered_model_aliases"))
    with pytest.raises(MlflowException, match="could not be decided") as refused:
        repository.delete_artifacts("0/other")
    assert refused.value.error_code == "PERMISSION_DENIED"


@pytest.mark.parametrize("through", ["run", "logged model of the run", "logged model"])
def test_upload_into_files_that_are_found_through_a_run_or_logged_model_is_refused(
    registry: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, through: str
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # MLflow's registry asks the tracking store where a logged model lies.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    tracking = SqlAlchemyStore(f"sqlite:///{tmp_path}/mlflow.db", "mlflow-artifacts:/")
    run = tracking.create_run("0", "ana", 1, [], "one")
    logged = tracking.create_logged_model("0", "model", run.info.run_id)
    source = {
        "run": f"runs:/{run.info.run_id}/model",
        "logged model of the run": f"runs:/{run.info.run_id}/model",
        "logged model": f"models:/{logged.model_id}",
    }[through]
    at = run.info.artifact_uri + "/model" if through == "run" else logged.artifact_location
    folder = at.removeprefix("mlflow-artifacts:/").strip("/")
    registry.create_model_version("loans", source)
    (tmp_path / "w.txt").write_text("tampered")
    repository = frozen(
        LocalArtifactRepository(str(tmp_path / "kept")), lambda: registry, lambda: tracking
    )
    repository.log_artifact(str(tmp_path / "w.txt"), folder)
    registry.set_registered_model_alias("loans", "production", "2")
    with pytest.raises(MlflowException, match="version 2 of 'loans'"):
        repository.log_artifact(str(tmp_path / "w.txt"), folder)
    repository.log_artifact(str(tmp_path / "w.txt"), "elsewhere")
    tracking.engine.dispose()


def test_version_that_lies_in_a_cloud_is_compared_by_its_address(registry: Any) -> None:
    from aims_mlops.mlflow_plugin.server.frozen_files import place_of

    assert place_of("s3://Bucket/a/./b/../model/") == place_of("s3://bucket/a/model")
    proxied = "https://host/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/model"
    assert place_of(proxied) == place_of("mlflow-artifacts:/0/run/artifacts/model")
