"""Models found in MLflow by URI, and aliases set on them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import aims_mlops as aims
import mlflow
from aims_mlops.errors import InputError, ModelNotFoundError, VerificationError
from aims_mlops.evidence.clock import parse
from aims_mlops.measures.fingerprint.files import fingerprint_files
from aims_mlops.mlflow_plugin.plugin import resolve_model, set_model_alias
from aims_mlops.plugins import hooks


@pytest.fixture
def version(tracking: Any, fitted: Any) -> Any:
    """Version 1 of loan-risk, logged by plain MLflow."""
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            fitted,
            name="risk",
            registered_model_name="loan-risk",
            pip_requirements=["scikit-learn"],
        )
    return tracking.get_model_version("loan-risk", "1")


def location(tracking: Any, version: Any) -> Path:
    return Path(tracking.get_model_version_download_uri(version.name, version.version))


def test_every_way_to_name_a_version_gives_the_same_digest(tracking: Any, version: Any) -> None:
    tracking.set_registered_model_alias("loan-risk", "champion", "1")
    expected = fingerprint_files(location(tracking, version)).sha256
    uris = [
        "models:/loan-risk/1",
        "models:/loan-risk@champion",
        "models:/loan-risk/latest",
        version.source,  # models:/m-…
        f"runs:/{version.run_id}/risk",
    ]
    assert {uri: resolve_model(uri).sha256 for uri in uris} == dict.fromkeys(uris, expected)


def test_reference_carries_what_tells_a_version_from_its_namesake(
    tracking: Any, version: Any
) -> None:
    found = resolve_model("models:/loan-risk/1")
    assert (found.name, found.version) == ("loan-risk", "1")
    assert parse(found.created_at).timestamp() * 1000 == version.creation_timestamp
    assert found.source == version.source
    assert found.run == version.run_id
    assert found.registry == mlflow.get_registry_uri()
    assert "MLmodel" in [file.path for file in found.files]


def test_downloaded_model_has_the_digest_of_the_one_in_place(
    tracking: Any, version: Any, tmp_path: Path
) -> None:
    """MLflow before 3.18 adds a file of its own to what it downloads from the registry."""
    path = mlflow.artifacts.download_artifacts("models:/loan-risk/1", dst_path=str(tmp_path / "d"))
    added = "registered_model_meta" in [p.name for p in Path(path).iterdir()]
    assert added is (tuple(map(int, mlflow.__version__.split(".")[:2])) < (3, 18))
    assert fingerprint_files(path).sha256 == resolve_model("models:/loan-risk/1").sha256


def test_one_changed_byte_is_another_digest(tracking: Any, version: Any) -> None:
    before = resolve_model("models:/loan-risk/1").sha256
    target = location(tracking, version) / "requirements.txt"
    target.write_bytes(target.read_bytes() + b"\n")
    assert resolve_model("models:/loan-risk/1").sha256 != before


@pytest.mark.parametrize(
    "uri",
    [
        "models:/nobody/1",
        "models:/loan-risk/99",
        "models:/loan-risk@nobody",
        "models:/loan-risk/Production",
        "models:/m-00000000000000000000000000000000",
        "models:/",
        "models:/loan-risk",
        "runs:/00000000000000000000000000000000/model",
        "runs:/nonsense",
    ],
)
def test_uri_that_leads_nowhere_says_so_and_what_to_do(version: Any, uri: str) -> None:
    with pytest.raises(ModelNotFoundError) as raised:
        resolve_model(uri)
    assert raised.value.next_step
    assert uri in str(raised.value)


def test_version_whose_files_are_gone_is_not_found(tracking: Any, version: Any) -> None:
    shutil.rmtree(location(tracking, version))
    with pytest.raises(ModelNotFoundError):
        resolve_model("models:/loan-risk/1")


def test_artifact_of_a_run_is_found_by_its_path(tracking: Any, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"\x01")
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(folder), "plain")
    found = resolve_model(f"runs:/{run.info.run_id}/plain")
    assert found.sha256 == fingerprint_files(folder).sha256
    assert found.registry is None


def loaded_by_mlflow(uri: str, folder: Path) -> str:
    """The digest of what MLflow gives to whoever loads this address."""
    return fingerprint_files(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder))).sha256


def test_logged_model_that_names_the_run_without_being_its_output_is_what_is_loaded(
    tracking: Any, version: Any, tmp_path: Path
) -> None:
    uri = f"runs:/{version.run_id}/risk"
    before = resolve_model(uri).sha256
    planted = tracking.create_logged_model(
        tracking.get_run(version.run_id).info.experiment_id, "risk", version.run_id
    )
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    tracking.log_model_artifact(planted.model_id, str(tmp_path / "MLmodel"))
    found = resolve_model(uri)
    assert found.source == f"models:/{planted.model_id}"
    assert before != found.sha256 == loaded_by_mlflow(uri, tmp_path / "loaded")


def test_files_that_a_run_keeps_beside_its_logged_model_are_digested_with_it(
    tracking: Any, version: Any, tmp_path: Path
) -> None:
    uri = f"runs:/{version.run_id}/risk"
    before = resolve_model(uri).sha256
    (tmp_path / "sitecustomize.py").write_text("")
    tracking.log_artifact(version.run_id, str(tmp_path / "sitecustomize.py"), "risk")
    assert before != resolve_model(uri).sha256 == loaded_by_mlflow(uri, tmp_path / "loaded")


def test_uri_of_another_form_is_left_to_other_plugins() -> None:
    assert resolve_model("s3://bucket/model") is None
    assert resolve_model("model.bin") is None


def test_hook_answers_for_mlflow(version: Any) -> None:
    assert hooks().resolve_model(uri="models:/loan-risk/1").name == "loan-risk"


def test_alias_is_set_and_said_in_words(tracking: Any, version: Any) -> None:
    said = set_model_alias(resolve_model("models:/loan-risk/1"), "champion")
    assert said == "alias 'champion' of 'loan-risk' is set to version 1"
    assert tracking.get_model_version_by_alias("loan-risk", "champion").version == 1


def test_version_created_anew_under_the_same_number_gets_no_alias(
    tracking: Any, version: Any, fitted: Any
) -> None:
    decided = resolve_model("models:/loan-risk/1")
    tracking.delete_registered_model("loan-risk")
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            fitted,
            name="risk",
            registered_model_name="loan-risk",
            pip_requirements=["scikit-learn"],
        )
    with pytest.raises(VerificationError, match="not the one that was decided on"):
        set_model_alias(decided, "champion")
    assert tracking.get_registered_model("loan-risk").aliases == {}


def test_model_without_registry_is_left_to_other_plugins(version: Any) -> None:
    found = resolve_model(version.source)
    assert set_model_alias(found, "champion") is None


def test_reference_without_a_name_cannot_have_an_alias(version: Any) -> None:
    found = replace(resolve_model("models:/loan-risk/1"), name=None)
    with pytest.raises(InputError, match="not registered"):
        set_model_alias(found, "champion")


def test_evaluation_of_a_registered_model_is_found_by_its_digest(
    tracking: Any, version: Any, recorded: Any
) -> None:
    @aims.evaluation
    def evaluate() -> None:
        aims.current_run().model("models:/loan-risk/1")
        aims.current_run().check(y_true=[0, 1] * 20, y_pred=[0, 1] * 20)

    evaluate()
    digest = resolve_model("models:/loan-risk/1").sha256
    assert [e.kind for e in recorded(["performance"], subject=digest)] == ["performance"]
