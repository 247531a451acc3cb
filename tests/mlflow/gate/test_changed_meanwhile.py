"""Files that somebody writes while the gate decides about them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.txt").write_text("decided on meanwhile")
    return tmp_path / "model"


@pytest.fixture
def registry(organisation: Any, base_database: Path, tmp_path: Path, folder: Path) -> Any:
    """A gated store below which a file is written in the moment that the alias is."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    from aims_mlops.mlflow_plugin.registry.gated_registry import GatedRegistry

    class Hurried(SqlAlchemyStore):
        def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
            if alias == "production":
                (folder / "weights.txt").write_text("another one ........")
            super().set_registered_model_alias(name, alias, version)

    shutil.copy(base_database, tmp_path / "mlflow.db")
    store = type("Gated", (GatedRegistry, Hurried), {})(f"sqlite:///{tmp_path}/mlflow.db")
    store.create_registered_model("loans-hurried")
    store.create_model_version("loans-hurried", str(folder))
    yield store
    store.engine.dispose()


def test_file_written_while_the_alias_is_takes_the_alias_back(
    registry: Any, organisation: Any, folder: Path, tmp_path: Path
) -> None:
    from mlflow.exceptions import MlflowException

    (tmp_path / "elsewhere").mkdir()
    model = organisation.ready("decided on meanwhile", tmp_path / "elsewhere")
    before = registry.get_registered_model("loans-hurried").aliases
    with pytest.raises(MlflowException, match="its files changed meanwhile") as refused:
        registry.set_registered_model_alias("loans-hurried", "production", "1")
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert registry.get_registered_model("loans-hurried").aliases == before == {}
    store = organisation.world.store
    allowed = [
        record
        for record in store.find(kind="decision", subject=model.sha256)
        if record.evidence.body["verdict"] == "allowed"
    ]
    assert not allowed
    outcome = next(store.find(kind="promotion", subject=model.sha256, newest_first=True))
    assert outcome.evidence.body["outcome"] == "failed"
