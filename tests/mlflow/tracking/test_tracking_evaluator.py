"""`mlflow.models.evaluate` with our evaluator among MLflow's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.inventory.project import find_project, forget_stores

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
QUIET = {"log_model_explainability": False, "log_explainer": False}


@pytest.fixture
def tracked(tmp_path: Path, base_database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with one AI system, and MLflow on a SQLite file of its own."""
    import mlflow

    (tmp_path / "aims.yaml").write_text(
        "systems:\n  - {id: loans, title: Loans, purpose: score, owner: ana, "
        "intended_use: clerks}\npeople:\n  - {id: ana, roles: [developer]}\n"
    )
    shutil.copy(base_database, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_experiment("evaluations")
    yield tmp_path
    while mlflow.active_run() is not None:
        mlflow.end_run()
    mlflow.tracking.fluent._active_experiment_id = None
    mlflow.set_tracking_uri(None)
    forget_stores()


@pytest.fixture
def rows() -> Any:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    rows["sex"] = rng.integers(0, 2, size=300)
    rows["y"] = (rows["a"] + 0.5 * rng.normal(size=300) > 0).astype(int)
    return rows


@pytest.fixture
def logged(tracked: Path, rows: Any) -> str:
    """The URI of a logged classifier of these rows."""
    from sklearn.linear_model import LogisticRegression

    import mlflow

    model = LogisticRegression().fit(rows[["a", "b", "sex"]], rows["y"])
    info = mlflow.sklearn.log_model(
        model, name="m", pip_requirements=[], serialization_format="cloudpickle"
    )
    return str(info.model_uri)


def evidence(kind: str) -> list[Any]:
    return [record.evidence for record in find_project().open_store().find(kind=kind)]


def test_evaluation_of_a_classifier_is_recorded_about_its_content(logged: str, rows: Any) -> None:
    import mlflow
    from aims_mlops.dossier.query import resolve_model

    result = mlflow.models.evaluate(
        logged,
        rows,
        targets="y",
        model_type="classifier",
        evaluator_config={**QUIET, "sensitive": ["sex"]},
    )
    model = resolve_model(logged)
    (performance,) = evidence("performance")
    figures = {f["measure"]: f for f in performance.body["figures"] if f["group"] is None}
    assert figures["accuracy_score"]["value"] == pytest.approx(result.metrics["accuracy_score"])
    assert figures["accuracy_score"]["low"] < figures["accuracy_score"]["value"]
    assert figures["roc_auc_score"]["value"] == pytest.approx(result.metrics["roc_auc"])
    assert model.sha256 in {subject.sha256 for subject in performance.subjects}
    (bias,) = evidence("bias")
    groups = {str(f["group"]) for f in bias.body["figures"] if f["measure"] == "selection_rate"}
    assert any("'sex': '0'" in group for group in groups)
    assert [run.body["activity"] for run in evidence("run")] == ["evaluation"]
    assert evidence("gap") == []


def test_evaluation_of_predictions_without_a_model_is_recorded(tracked: Path, rows: Any) -> None:
    import mlflow

    given = rows.assign(predicted=(rows["a"] > 0).astype(int))
    mlflow.models.evaluate(
        data=given,
        targets="y",
        predictions="predicted",
        model_type="classifier",
        evaluators=["aims"],
    )
    (performance,) = evidence("performance")
    figures = {f["measure"]: f for f in performance.body["figures"] if f["group"] is None}
    right = float((given["predicted"] == given["y"]).mean())
    assert figures["accuracy_score"]["value"] == pytest.approx(right)
    assert evidence("bias") == []


def test_evaluation_without_a_project_leaves_nothing(logged: str, rows: Any, tracked: Path) -> None:
    import mlflow

    (tracked / "aims.yaml").unlink()
    mlflow.models.evaluate(
        logged, rows, targets="y", model_type="classifier", evaluator_config=QUIET
    )
    assert not (tracked / ".aims").exists()


def test_sensitive_column_that_is_not_there_does_not_stop_the_evaluation(
    logged: str, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")
    result = mlflow.models.evaluate(
        logged,
        rows,
        targets="y",
        model_type="classifier",
        evaluator_config={**QUIET, "sensitive": "age"},
    )
    assert "accuracy_score" in result.metrics
    assert [gap.body["where"] for gap in evidence("gap")] == ["evaluation"]
