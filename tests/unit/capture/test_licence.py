"""The licence of a model is what somebody declared, and nothing where nobody did."""

from __future__ import annotations

import pytest

import aims_mlops as aims


def models(store):
    return {r.evidence.body["name"]: r.evidence.body for r in store.find(kind="model")}


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Records a model file of a run and returns the bodies of all model records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_MLFLOW", "off")

    def recorded(*, of_run=None, of_model=None):
        with aims.run("r", licence=of_run) as run:
            (tmp_path / "m.bin").write_bytes(b"weights")
            run.model("m.bin", name="m", licence=of_model)
        return list(models(aims.find_project().open_store()).values())

    return recorded


def test_licence_of_the_run_is_that_of_its_models(record):
    assert [body["licence"] for body in record(of_run="Apache-2.0")] == ["Apache-2.0"]


def test_licence_of_a_model_stands_before_that_of_the_run(record):
    assert [body["licence"] for body in record(of_run="MIT", of_model="CC0-1.0")] == ["CC0-1.0"]


def test_licence_that_nobody_declared_is_not_there(record):
    assert all("licence" not in body for body in record())


def test_secret_in_a_licence_is_cut_out(record):
    (body,) = record(of_model="see https://ana:hunter22@licences.example.org/x")
    assert "hunter22" not in body["licence"]


def test_licence_of_a_returned_model_is_recorded_with_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_MLFLOW", "off")
    from sklearn.dummy import DummyClassifier

    @aims.training(licence="BSD-3-Clause")
    def train():
        return DummyClassifier().fit([[0], [1]], [0, 1])

    train()
    (body,) = models(aims.find_project().open_store()).values()
    assert body["licence"] == "BSD-3-Clause"
