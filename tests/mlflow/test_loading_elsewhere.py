"""A registered model can be used by another process, or the evidence says that it cannot."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import aims_mlops as aims
import mlflow
from aims_mlops.evidence.records import Evidence
from aims_mlops.mlflow_plugin.saved_model import loading

Recorded = Callable[..., list[Evidence]]

rng = np.random.default_rng(2)
X = pd.DataFrame(rng.normal(size=(90, 2)), columns=["a", "b"])
Y = (X["a"] > 0).astype(int)

ELSEWHERE = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/loans/1")
print(list(model.predict(pd.read_csv(sys.argv[1]))))
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A module beside somebody's script, which no package brings."""
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "loan_steps.py").write_text(
        "import numpy as np\n"
        "from sklearn.base import BaseEstimator, TransformerMixin\n"
        "class Clip(TransformerMixin, BaseEstimator):\n"
        "    def fit(self, X, y=None):\n"
        "        self.limits_ = np.quantile(X, [0.1, 0.9], axis=0)\n"
        "        return self\n"
        "    def transform(self, X):\n"
        "        return np.clip(X, *self.limits_)\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    import loan_steps

    yield loan_steps
    del sys.modules["loan_steps"]


def trained(model: Any) -> Any:
    @aims.training(register="loans", quality=False)
    def train(X_train: pd.DataFrame) -> Any:
        return model

    return train(X)


def said_elsewhere(tmp_path: Path) -> str:
    """What the registered model says in a process that has not our working folder."""
    rows = tmp_path / "rows.csv"
    X.to_csv(rows, index=False)
    done = subprocess.run(
        [sys.executable, "-I", "-c", ELSEWHERE, str(rows)],
        cwd=tmp_path,
        env={"MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().replace("np.int64(", "").replace(")", "")


def test_class_of_ones_own_module_is_taken_along(
    recorded: Recorded, tracking: Any, own_module: Any, tmp_path: Path
) -> None:
    model = make_pipeline(own_module.Clip(), LogisticRegression()).fit(X, Y)
    trained(model)
    (evidence,) = recorded("model")
    assert evidence.body["loads"] == {"form": "cheap", "missing": [], "rows": 5, "same": True}
    assert said_elsewhere(tmp_path) == str([int(y) for y in model.predict(X)])


def test_full_check_compares_in_a_process_with_the_requirements_only(
    recorded: Recorded, tracking: Any, own_module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_MODEL_CHECK", "full")
    trained(make_pipeline(own_module.Clip(), LogisticRegression()).fit(X, Y))
    (evidence,) = recorded("model")
    assert evidence.body["loads"] == {"form": "full", "missing": [], "rows": 5, "same": True}


CLEAN = """
import json, runpy, sys
from pathlib import Path
script, folder, rows = sys.argv[1:]
sys.argv[1:] = [folder, rows]
runpy.run_path(script, run_name="__main__")
import importlib_metadata  # adds a finder of its own
from importlib.metadata import PackageNotFoundError, version
try:
    found = version("ruff")
except PackageNotFoundError:
    found = None
print(json.dumps([found, version("mlflow") is not None]))
"""


def test_clean_process_knows_of_no_other_package_when_a_library_adds_a_finder(
    tmp_path: Path,
) -> None:
    """PyTorch asked for `optree`, was told that it is installed, and could not import it."""
    (tmp_path / "requirements.txt").write_text(f"mlflow=={mlflow.__version__}\n")
    (tmp_path / "rows").write_bytes(pickle.dumps(None))
    script = Path(loading.__file__).with_name("clean_process.py")
    done = subprocess.run(
        [sys.executable, "-I", "-c", CLEAN, str(script), str(tmp_path), str(tmp_path / "rows")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [None, True]


def test_package_that_a_function_names_is_required_under_its_own_name(
    recorded: Recorded, tracking: Any
) -> None:
    """The module is ruamel, the package ruamel.yaml; and it stands only in code."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def plain(rows):\n    import ruamel.yaml\n    return rows", space)
    model = make_pipeline(FunctionTransformer(space["plain"]), LogisticRegression()).fit(X, Y)
    trained(model)
    (evidence,) = recorded("model")
    location = Path(tracking.get_model_version_download_uri("loans", "1"))
    assert "ruamel-yaml==" in (location / "requirements.txt").read_text().replace(".yaml", "-yaml")
    assert evidence.body["loads"]["missing"] == []


def test_model_that_was_logged_without_a_package_it_needs_is_a_gap(
    recorded: Recorded, tracking: Any, fails_open: None, own_module: Any
) -> None:
    model = make_pipeline(own_module.Clip(), LogisticRegression()).fit(X, Y)

    @aims.training(register="loans", quality=False)
    def train() -> Any:
        with mlflow.start_run():
            mlflow.sklearn.log_model(
                model,
                name="m",
                serialization_format="cloudpickle",
                pip_requirements=["scikit-learn"],
            )
        return model

    with pytest.warns(aims.errors.CaptureWarning, match="cannot be loaded elsewhere"):
        train()
    (evidence,) = recorded("model")
    assert evidence.body["loads"]["missing"] == ["loan_steps"]
    (gap,) = recorded("gap")
    assert "it imports loan_steps" in gap.body["message"]


class Drifting(DecisionTreeClassifier):  # type: ignore[misc]
    """Says something else after it was written and read."""

    def __getstate__(self) -> Any:
        return {**super().__getstate__(), "flip": True}

    def predict(self, X: Any, check_input: bool = True) -> Any:
        found = super().predict(X, check_input)
        return 1 - found if getattr(self, "flip", False) else found


def test_model_that_predicts_otherwise_once_it_is_read_back_is_a_gap(
    recorded: Recorded, tracking: Any, fails_open: None
) -> None:
    model = Drifting(random_state=0).fit(X, Y)
    with pytest.warns(aims.errors.CaptureWarning, match="does not predict what the returned"):
        trained(model)
    (evidence,) = recorded("model")
    assert evidence.body["loads"]["same"] is False


def test_check_can_be_left_out(
    recorded: Recorded, tracking: Any, monkeypatch: pytest.MonkeyPatch, fitted: Any
) -> None:
    monkeypatch.setenv("AIMS_MODEL_CHECK", "off")
    trained(fitted)
    assert recorded("model")[0].body["loads"] is None


def test_category_of_the_training_rows_is_taken_by_the_registered_model(
    recorded: Recorded, tracking: Any
) -> None:
    from sklearn.preprocessing import OneHotEncoder

    rows = X.assign(kind=pd.Categorical(np.where(X["b"] > 0, "high", "low")))
    step = make_column_transformer((OneHotEncoder(), ["kind"]), remainder=StandardScaler())
    model = make_pipeline(step, LogisticRegression()).fit(rows, Y)

    @aims.training(register="loans", quality=False)
    def train(X_train: pd.DataFrame) -> Any:
        return model

    train(rows)
    found = mlflow.pyfunc.load_model("models:/loans/1")
    assert list(found.predict(rows)) == list(model.predict(rows))
    (evidence,) = recorded("model")
    kinds = {c["name"]: c["type"] for c in evidence.body["signature"]["inputs"]}
    assert kinds["kind"] == "category"
    assert evidence.body["signature"]["outputs"]


@pytest.mark.parametrize("kind", ["tree", "pipeline of one's own"])
def test_same_training_twice_has_one_canonical_digest_and_another_seed_another(
    recorded: Recorded, tracking: Any, own_module: Any, kind: str
) -> None:
    def make(seed: int) -> Any:
        tree = DecisionTreeClassifier(max_features=1, splitter="random", random_state=seed)
        return (tree if kind == "tree" else make_pipeline(own_module.Clip(), tree)).fit(X, Y)

    for seed in (0, 0, 1):
        trained(make(seed))
    first, again, other = (evidence.body for evidence in recorded("model"))
    assert first["sha256"] != again["sha256"]
    assert first["canonical"] == again["canonical"]
    assert first["canonical"]["sha256"] != other["canonical"]["sha256"]
    assert first["canonical"]["scheme"] == "aims-model-v1"
    assert first["record_format"] == 2
