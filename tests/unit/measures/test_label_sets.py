"""A task is never changed in silence because the labels of two columns do not match."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import aims_mlops as aims
from aims_mlops.errors import InputError

ROWS = 1000
RANDOM = np.random.default_rng(0)
TRUTH = (RANDOM.random(ROWS) < 0.5).astype(int)
GUESS = np.where(RANDOM.random(ROWS) < 0.8, TRUTH, 1 - TRUTH)
GROUP = RANDOM.choice(["F", "M"], ROWS)
NAMES = np.array(["<=50K", ">50K"])

MISMATCHES = {
    "full stop": (np.array(["<=50K.", ">50K."])[TRUTH], NAMES[GUESS], "full stop"),
    "spaces": (NAMES[TRUTH], np.array(["<=50K ", ">50K "])[GUESS], "spaces"),
    "text and number": (TRUTH.astype(str), GUESS, "one type"),
    "names and numbers": (NAMES[TRUTH], GUESS, "map the numbers"),
    "minus one": (2 * TRUTH - 1, GUESS, "-1 where the other has 0"),
    "others": (NAMES[TRUTH], np.array(["low", "high"])[GUESS], "map one column"),
}


@pytest.mark.parametrize("kind", MISMATCHES)
@pytest.mark.parametrize("measure", ["bias", "performance"])
@pytest.mark.parametrize("named", [False, True])
def test_labels_that_do_not_match_are_an_error_with_the_repair(
    kind: str, measure: str, named: bool
) -> None:
    true, predicted, repair = MISMATCHES[kind]
    given: dict[str, Any] = {"y_true": true, "y_pred": predicted}
    if named:
        given["positive_label"] = ">50K" if true.dtype.kind == "U" else 1
    function: Any = aims.measure_performance
    if measure == "bias":
        function, given = aims.measure_bias, {**given, "sensitive": GROUP}
    with pytest.raises(InputError, match="do not match") as raised:
        function(**given)
    said = str(raised.value)
    assert repair in said
    assert "2 labels in y_true" in said
    assert "50K" not in said  # never a value


def test_a_few_stray_labels_are_left_out_and_told() -> None:
    predicted = NAMES[GUESS].astype(object)
    predicted[:3] = "refer"
    for result in (
        aims.measure_bias(
            y_true=NAMES[TRUTH], y_pred=predicted, sensitive=GROUP, positive_label=">50K"
        ),
        aims.measure_performance(y_true=NAMES[TRUTH], y_pred=predicted, positive_label=">50K"),
    ):
        assert result.extra["task"] == "binary"
        (stray,) = [entry for entry in result.left_out if "stray" in entry.what]
        assert stray.n == 3
    plain = aims.measure_performance(
        y_true=NAMES[TRUTH][3:], y_pred=NAMES[GUESS][3:], positive_label=">50K"
    )
    assert result.figure("recall_score").value == plain.figure("recall_score").value


def test_many_other_labels_where_two_classes_are_asked_for_are_an_error() -> None:
    predicted = NAMES[GUESS].astype(object)
    predicted[:50] = "refer"
    with pytest.raises(InputError, match="two classes are asked for"):
        aims.measure_bias(
            y_true=NAMES[TRUTH], y_pred=predicted, sensitive=GROUP, positive_label=">50K"
        )
    with pytest.raises(InputError, match="two classes are asked for"):
        aims.measure_performance(y_true=NAMES[TRUTH], y_pred=predicted, positive_label=">50K")
    asked = aims.measure_performance(y_true=NAMES[TRUTH], y_pred=predicted, task="multiclass")
    assert asked.extra["task"] == "multiclass"


def test_class_that_is_only_predicted_stays_a_class() -> None:
    true = np.array(["a", "b", "c"] * 100)
    predicted = np.array(["a", "b", "d"] * 100)
    result = aims.measure_performance(y_true=true, y_pred=predicted)
    assert result.extra["task"] == "multiclass"
    assert result.figure("accuracy_score").value == pytest.approx(2 / 3)


def test_labels_that_are_all_declared_are_taken_at_their_word() -> None:
    result = aims.measure_performance(
        y_true=["a", "b"] * 20, y_pred=["b", "c"] * 20, labels=["a", "b", "c"]
    )
    assert result.extra["task"] == "multiclass"
