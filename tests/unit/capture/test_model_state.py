"""The state of a model in memory: the same only while nothing in it changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from aims_mlops.capture.facts.model_state import modules_of, state_of

X = np.random.default_rng(5).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def forest() -> Any:
    return RandomForestClassifier(n_estimators=3, random_state=0).fit(X, Y)


def change_a_leaf(model: Any) -> None:
    model.estimators_[1].tree_.value[-1] = model.estimators_[1].tree_.value[-1][:, ::-1]


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "a coefficient": (
        lambda: LogisticRegression().fit(X, Y),
        lambda m: m.coef_.__setitem__((0, 0), np.nextafter(m.coef_[0, 0], 9)),
    ),
    "a leaf of one tree": (forest, change_a_leaf),
    "a setting": (forest, lambda m: m.set_params(n_jobs=2)),
    "the second step": (
        lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
        lambda m: m[-1].intercept_.__iadd__(1e-9),
    ),
    "a word": (
        lambda: TfidfVectorizer().fit(["good bad", "bad day"]),
        lambda m: m.vocabulary_.update(good=9),
    ),
    "a category": (
        lambda: OneHotEncoder().fit([["a"], ["b"]]),
        lambda m: m.categories_[0].__setitem__(0, "z"),
    ),
    "an attribute of one's own": (forest, lambda m: setattr(m, "threshold", 0.4)),
    "further training": (
        lambda: MLPClassifier((3,), max_iter=3, random_state=0).partial_fit(X, Y, classes=[0, 1]),
        lambda m: m.partial_fit(X, Y),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_state_is_the_same_until_something_changes(what: str) -> None:
    make, change = CHANGES[what]
    model = make()
    before = state_of(model)
    if hasattr(model, "predict"):
        model.predict(X)
    assert before is not None
    assert state_of(model) == before
    change(model)
    assert state_of(model) != before


def test_threshold_in_a_closure_is_part_of_the_state() -> None:
    def step(limit: list[float]) -> Any:
        return FunctionTransformer(lambda rows: rows > limit[0])

    limit = [0.5]
    model = step(limit)
    before = state_of(model)
    limit[0] = 0.7
    assert state_of(model) != before


def test_object_that_cannot_be_written_has_no_state() -> None:
    model = LogisticRegression().fit(X, Y)
    model.lock_ = threading.Lock()
    assert state_of(model) is None


def test_padding_between_fields_is_no_state() -> None:
    kind = np.dtype([("a", np.int8), ("b", np.float64)], align=True)
    first, second = np.zeros(2, kind), np.zeros(2, kind)
    second.view(np.uint8)[1] = 7  # padding
    assert state_of([first]) == state_of([second])


def test_modules_are_those_of_every_part_and_of_code_that_is_taken_along() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("import json\ndef own(rows):\n    import yaml\n    return json.loads(rows)", space)
    model = make_pipeline(FunctionTransformer(space["own"]), StandardScaler())
    assert {"__main__", "json", "yaml", "sklearn"} <= (modules_of(model) or set())
