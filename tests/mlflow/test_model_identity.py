"""The model that is recorded and registered is the very one that the function returned.

Likeness is no identity: candidates that print alike are told apart, whoever logged them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import aims_mlops as aims
import mlflow
from aims_mlops.evidence.records import Evidence

Recorded = Callable[..., list[Evidence]]

rng = np.random.default_rng(11)
X = pd.DataFrame(rng.normal(size=(160, 3)), columns=["a", "b", "c"])
Y = (X["a"] > 0).astype(int)

ALIKE = {
    "forest": lambda: RandomForestClassifier(n_estimators=5, random_state=0),
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=3, random_state=0),
    "pipeline": lambda: make_pipeline(
        StandardScaler(), RandomForestClassifier(n_estimators=3, random_state=0)
    ),
    "search": lambda: GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [2]}),
}


def logged(tracking: Any) -> list[Any]:
    experiments = [e.experiment_id for e in tracking.search_experiments()]
    return list(tracking.search_logged_models(experiments))


def log(model: Any, name: str = "model") -> str:
    info = mlflow.sklearn.log_model(
        model, name=name, serialization_format="cloudpickle", pip_requirements=["scikit-learn"]
    )
    return str(info.model_id)


def registered_accuracy(name: str = "loans", version: str = "1") -> float:
    found = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
    return float((np.asarray(found.predict(X)) == Y.to_numpy()).mean())


@pytest.fixture
def autologging() -> Iterator[None]:
    mlflow.sklearn.autolog(silent=True)
    yield
    mlflow.sklearn.autolog(disable=True, silent=True)


@pytest.mark.parametrize("kind", ALIKE)
@pytest.mark.parametrize("when", ["after", "never"])
def test_candidate_that_looks_alike_is_not_recorded_for_the_returned_model(
    kind: str, when: str, recorded: Recorded, tracking: Any
) -> None:
    best, worse = ALIKE[kind]().fit(X, Y), ALIKE[kind]().fit(X, 1 - Y)

    @aims.training(register="loans", quality=False)
    def train() -> Any:
        with mlflow.start_run():
            log(worse)
            if when == "after":
                log(best)
        return best

    train()
    assert registered_accuracy() > 0.9
    (evidence,) = recorded("model")
    mine = mlflow.sklearn.load_model(evidence.body["uri"])
    assert (mine.predict(X) == best.predict(X)).all()


def test_returned_candidate_of_several_is_the_one_that_was_logged_and_not_logged_again(
    recorded: Recorded, tracking: Any
) -> None:
    models = [
        DecisionTreeClassifier(random_state=n).fit(X, Y if n == 2 else 1 - Y) for n in range(4)
    ]
    ids: list[str] = []

    @aims.training(register="loans", quality=False)
    def train() -> Any:
        with mlflow.start_run():
            for index, model in enumerate(models):
                with mlflow.start_run(nested=True):
                    ids.append(log(model, f"trial-{index}"))
        return models[2]

    train()
    assert len(recorded("model")) == 1
    assert tracking.get_model_version("loans", "1").source == f"models:/{ids[2]}"
    assert registered_accuracy() > 0.9
    assert len(logged(tracking)) == 4


def test_model_that_was_trained_further_after_it_was_logged_is_saved_anew(
    recorded: Recorded, tracking: Any
) -> None:
    model = SGDClassifier(random_state=0)

    @aims.training(register="loans", quality=False)
    def train() -> Any:
        model.partial_fit(X, 1 - Y, classes=[0, 1])
        with mlflow.start_run():
            log(model)
        for _ in range(20):
            model.partial_fit(X, Y)
        return model

    train()
    assert registered_accuracy() > 0.9
    assert len(logged(tracking)) == 2


def test_one_number_changed_in_place_after_logging_is_seen(
    recorded: Recorded, tracking: Any
) -> None:
    model = LogisticRegression().fit(X, 1 - Y)

    @aims.training(register="loans", quality=False)
    def train() -> Any:
        with mlflow.start_run():
            log(model)
        model.coef_ *= -1
        return model

    train()
    assert registered_accuracy() > 0.9


def test_study_of_autologged_trials_registers_the_one_that_was_returned(
    recorded: Recorded, tracking: Any, autologging: None
) -> None:
    @aims.training(register="loans", quality=False)
    def study() -> Any:
        kept: dict[float, Any] = {}
        with mlflow.start_run():
            for trial in range(4):
                with mlflow.start_run(nested=True):
                    target = Y if trial == 1 else 1 - Y
                    model = RandomForestClassifier(n_estimators=4, random_state=0).fit(X, target)
                    kept[float(model.score(X, Y))] = model
        return kept[max(kept)]

    study()
    assert registered_accuracy() > 0.9
    assert recorded("gap") == []


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
@pytest.mark.parametrize("part", ["search", "best"])
def test_autologged_search_registers_what_was_returned(
    recorded: Recorded, tracking: Any, autologging: None, search: Any, part: str
) -> None:
    grid = {"min_samples_leaf": [1, 70], "max_depth": [1, 4]}
    options = {"n_iter": 3, "random_state": 0} if search is RandomizedSearchCV else {}

    @aims.training(register="loans", quality=False)
    def train() -> Any:
        found = search(DecisionTreeClassifier(random_state=0), grid, **options).fit(X, Y)
        return found if part == "search" else found.best_estimator_

    model = train()
    (evidence,) = recorded("model")
    mine = mlflow.sklearn.load_model(evidence.body["uri"])
    assert type(mine) is type(model)
    assert (mine.predict(X) == model.predict(X)).all()
    assert registered_accuracy() > 0.9


def thresholded(model: Any, threshold: float) -> Any:
    """A wrapper that says yes at a threshold of its own."""

    class Thresholded(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def __init__(self, model: Any, threshold: float) -> None:
            self.model, self.threshold = model, threshold

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return (self.model.predict_proba(model_input)[:, 1] >= self.threshold).astype(int)

    return Thresholded(model, threshold)


def test_wrapper_with_a_threshold_is_registered_and_not_the_model_inside_it(
    recorded: Recorded, tracking: Any, autologging: None
) -> None:
    @aims.training(register="loans", quality=False)
    def train() -> Any:
        return thresholded(LogisticRegression().fit(X, Y), 2.0)  # never says yes

    train()
    found = mlflow.pyfunc.load_model("models:/loans/1")
    assert list(found.predict(X)) == [0] * len(X)
    (evidence,) = recorded("model")
    assert evidence.body["class"].endswith("Thresholded")
    assert evidence.body["registered"] == {"name": "loans", "version": "1"}


def test_model_logged_by_another_thread_is_known_by_the_object(
    recorded: Recorded, tracking: Any
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    good, bad = (DecisionTreeClassifier(random_state=0).fit(X, y) for y in (Y, 1 - Y))

    def in_run(model: Any, run_id: str) -> str:
        with mlflow.start_run(run_id=run_id, nested=True):
            return log(model)

    @aims.training(register="loans", quality=False)
    def train() -> Any:
        with mlflow.start_run() as run, ThreadPoolExecutor(1) as pool:
            list(pool.map(in_run, [good, bad], [run.info.run_id] * 2))
        return good

    train()
    assert registered_accuracy() > 0.9
    assert len(logged(tracking)) == 2


def test_memory_of_candidates_is_not_held_for_the_length_of_a_study(tracking: Any) -> None:
    import gc
    import weakref

    alive: list[int] = []

    @aims.training(quality=False)
    def study() -> Any:
        references = []
        with mlflow.start_run():
            for _ in range(3):
                model = DecisionTreeClassifier().fit(X, Y)
                log(model)
                references.append(weakref.ref(model))
                del model
        gc.collect()
        alive.append(sum(reference() is not None for reference in references))

    study()
    assert alive == [0]
