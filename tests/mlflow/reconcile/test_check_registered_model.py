"""`check_model` on the URIs of MLflow: the content behind them counts, at the time of asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import ModelRefusedError
from aims_mlops.gates.check_model import check_model, look_at_model

_COUNT = iter(range(10_000))


@pytest.fixture
def name(gated: Any) -> Iterator[str]:
    import mlflow

    mlflow.set_tracking_uri(gated.url)
    yield f"loans-checked-{next(_COUNT)}"
    mlflow.set_tracking_uri(None)


def promoted(gated: Any, organisation: Any, name: str, folder: Path) -> tuple[str, Path]:
    """A version that the gate let through; gives the run and the path of its file."""
    organisation.ready(f"content of {name}", folder)
    gated.register(name, f"content of {name}")
    assert gated.alias(name, 1)[0] == 200
    found = gated.done("GET", f"model-versions/get?name={name}&version=1")["model_version"]
    source = found["source"].removeprefix("mlflow-artifacts:/")
    return found["run_id"], gated.folder / "artifacts" / source / "weights.txt"


def test_every_uri_of_the_same_content_finds_the_decision(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    run_id, _ = promoted(gated, organisation, name, tmp_path)
    uris = (f"models:/{name}/1", f"models:/{name}@production", f"runs:/{run_id}/model")
    found = {check_model(uri).standing.record.id for uri in uris}
    assert len(found) == 1


def test_downloaded_model_is_checked_where_it_lies(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    import mlflow

    promoted(gated, organisation, name, tmp_path)
    folder = mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(tmp_path / "d"))
    assert check_model(folder).allowed
    (Path(folder) / "weights.txt").write_text("tampered")
    with pytest.raises(ModelRefusedError):
        check_model(folder)


def test_version_whose_files_were_overwritten_is_refused(
    gated: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    _, path = promoted(gated, organisation, name, tmp_path)
    path.write_bytes(b"others")  # straight in the store of artifacts
    for uri in (f"models:/{name}/1", f"models:/{name}@production"):
        assert look_at_model(uri, target="production").verdict == "refused"


def test_version_that_needs_no_alias_to_be_loaded_is_refused(
    gated: Any, organisation: Any, name: str
) -> None:
    gated.register(name, f"never decided on {name}")
    for uri in (f"models:/{name}/1", f"models:/{name}/latest"):
        assert look_at_model(uri, target="production").verdict == "refused"


def test_version_that_is_not_there_could_not_be_told(gated: Any, organisation: Any) -> None:
    import mlflow

    mlflow.set_tracking_uri(gated.url)
    try:
        assert look_at_model("models:/loans-nowhere/7", target="production").exit_code == 2
    finally:
        mlflow.set_tracking_uri(None)
