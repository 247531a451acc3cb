"""Every performance figure equals scikit-learn's on rows; intervals cover what they should."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as skm
from hypothesis import given, settings
from hypothesis import strategies as st

from aims_mlops.errors import InputError
from aims_mlops.measures.performance.measure import measure_performance

TOLERANCE = 1e-12
BINARY = {
    "accuracy_score": skm.accuracy_score,
    "balanced_accuracy_score": skm.balanced_accuracy_score,
    "precision_score": skm.precision_score,
    "recall_score": skm.recall_score,
    "f1_score": skm.f1_score,
    "matthews_corrcoef": skm.matthews_corrcoef,
}
MACRO = {
    "precision_macro": skm.precision_score,
    "recall_macro": skm.recall_score,
    "f1_macro": skm.f1_score,
}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.booleans())
def test_binary_metrics_equal_scikit_learn_on_rows(seed, n, weighted) -> None:
    generator = np.random.default_rng(seed)
    y_true, y_pred = generator.integers(0, 2, (2, n))
    group = generator.choice(["F", "M"], n)
    weights = generator.integers(1, 4, n) / 2 if weighted else None
    result = measure_performance(
        y_true=y_true, y_pred=y_pred, groups=group, sample_weight=weights, n_resamples=100
    )
    for label in (None, "F", "M"):
        rows = np.ones(n, bool) if label is None else group == label
        t, p = y_true[rows], y_pred[rows]
        if len(np.unique(t)) < 2 or len(np.unique(p)) < 2:
            continue  # scikit-learn makes up a 0 there; see the tests of one class
        w = None if weights is None else weights[rows]
        for name, function in BINARY.items():
            figure = result.figure(name, None if label is None else {"sensitive": label})
            assert figure.value == pytest.approx(function(t, p, sample_weight=w), abs=TOLERANCE)
            assert figure.low <= figure.value <= figure.high
            assert figure.source.startswith("scikit-learn ")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(40, 200), st.integers(3, 6))
def test_metrics_of_several_classes_equal_scikit_learn_on_rows(seed, n, classes) -> None:
    generator = np.random.default_rng(seed)
    labels = np.array(list("abcdef")[:classes])
    y_true, y_pred = generator.choice(labels, (2, n))
    result = measure_performance(y_true=y_true, y_pred=y_pred, task="multiclass", n_resamples=100)
    for name, function in MACRO.items():
        expected = function(y_true, y_pred, average="macro", zero_division=0)
        assert result.figure(name).value == pytest.approx(expected, abs=TOLERANCE)
    for name in ("accuracy_score", "matthews_corrcoef"):
        assert result.figure(name).value == pytest.approx(BINARY[name](y_true, y_pred))
    if set(y_pred) <= set(y_true):
        expected = skm.balanced_accuracy_score(y_true, y_pred)
        assert result.figure("balanced_accuracy_score").value == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.booleans(), st.integers(1, 4))
def test_metrics_of_scores_equal_scikit_learn_on_rows(seed, n, weighted, digits) -> None:
    generator = np.random.default_rng(seed)
    score = np.round(generator.random(n), digits)  # ties
    y_true = (generator.random(n) < score).astype(int)
    if len(np.unique(y_true)) < 2:
        return
    weights = generator.random(n) + 0.5 if weighted else None
    result = measure_performance(
        y_true=y_true, y_score=score, sample_weight=weights, n_resamples=200
    )
    for name in ("roc_auc_score", "average_precision_score", "log_loss", "brier_score_loss"):
        expected = getattr(skm, name)(y_true, score, sample_weight=weights)
        assert result.figure(name).value == pytest.approx(expected, abs=TOLERANCE)
        assert result.figure(name).low <= expected + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.booleans())
def test_regression_metrics_equal_scikit_learn_on_rows(seed, n, weighted) -> None:
    generator = np.random.default_rng(seed)
    y_true = generator.normal(50, 10, n)
    y_pred = y_true + generator.normal(0, 4, n)
    weights = generator.random(n) + 0.5 if weighted else None
    result = measure_performance(y_true=y_true, y_pred=y_pred, sample_weight=weights)
    for name in (
        "mean_absolute_error",
        "mean_squared_error",
        "root_mean_squared_error",
        "r2_score",
    ):
        expected = getattr(skm, name)(y_true, y_pred, sample_weight=weights)
        figure = result.figure(name)
        assert figure.value == pytest.approx(expected, rel=TOLERANCE)
        assert figure.low < figure.value < figure.high


@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_limits_of_regression_metrics_equal_those_from_rows(offset) -> None:
    from scipy.stats import t as student

    generator = np.random.default_rng(8)
    group = np.repeat(["a", "b", "c"], [200, 60, 40])
    y_true = offset + generator.normal(0, 10, 300) + 30 * (group == "b")
    y_pred = y_true + generator.normal(1, 4, 300)
    weights = generator.random(300) + 0.5
    result = measure_performance(
        y_true=y_true, y_pred=y_pred, sample_weight=weights, groups={"group": group}
    )
    for label in (None, "a", "b", "c"):
        part = np.ones(300, bool) if label is None else group == label
        truth, w, n = y_true[part], weights[part], int(part.sum())
        squared = (y_pred[part] - truth) ** 2
        spread = (truth - np.average(truth, weights=w)) ** 2
        mse, variance = np.average(squared, weights=w), np.average(spread, weights=w)
        # Each row moves a weighted mean by w (x - mean) / sum w, and r2 by the derivative of it.
        rows = {
            "mean_squared_error": squared - mse,
            "r2_score": -(squared - mse) / variance + mse * (spread - variance) / variance**2,
        }
        for name, moved in rows.items():
            error = np.sqrt((w**2 * moved**2).sum()) / w.sum() * np.sqrt(n / (n - 1))
            half = student.ppf(0.975, n - 1) * error
            figure = result.figure(name, group=None if label is None else {"group": label})
            assert figure.high - figure.value == pytest.approx(half, rel=1e-6)


def test_scores_of_several_classes_equal_scikit_learn() -> None:
    generator = np.random.default_rng(2)
    y_true = generator.choice(["a", "b", "c"], 300)
    scores = generator.dirichlet([1, 1, 1], 300)
    result = measure_performance(
        y_true=y_true, y_pred=np.array(list("abc"))[scores.argmax(1)], y_score=scores
    )
    figure = result.figure("roc_auc_ovr")
    assert figure.value == pytest.approx(skm.roc_auc_score(y_true, scores, multi_class="ovr"))
    assert figure.low < figure.value < figure.high
    assert result.figure("log_loss").value == pytest.approx(skm.log_loss(y_true, scores))


def test_calibration_curve_equals_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    generator = np.random.default_rng(1)
    score = generator.random(500)
    y_true = (generator.random(500) < score**2).astype(int)
    result = measure_performance(y_true=y_true, y_score=score)
    shares, means = calibration_curve(y_true, score, n_bins=10)
    bins = result.curves[0]["bins"]
    assert [b["share_positive"] for b in bins] == pytest.approx(list(shares))
    assert [b["mean_score"] for b in bins] == pytest.approx(list(means))
    large = result.figure("calibration_in_the_large")
    assert large.value == pytest.approx(y_true.mean() - score.mean())
    assert large.high < 0  # the score is the square root of the truth: too high


def covered(values, truth, name) -> float:
    hits = [figure.low <= truth <= figure.high for figure in (r.figure(name) for r in values)]
    return float(np.mean(hits))


def test_intervals_of_performance_cover_the_truth_in_93_to_97_percent() -> None:
    generator = np.random.default_rng(11)
    results = []
    for run in range(500):
        y_true = np.repeat([0, 1], 150)
        score = generator.normal(y_true, 1)
        results.append(measure_performance(y_true=y_true, y_score=score, seed=run, n_resamples=300))
    # Two normals one standard deviation apart: AUC is Phi(1 / sqrt 2).
    share = covered(results, 0.7602499389, "roc_auc_score")
    print(f"roc_auc_score: covered {share:.1%} of 500")
    assert 0.93 <= share <= 0.97
    results = []
    for _ in range(500):
        y_true = generator.normal(0, 2, 300)
        results.append(
            measure_performance(y_true=y_true, y_pred=y_true + generator.normal(0, 1, 300))
        )
    for name, truth in (
        ("mean_absolute_error", np.sqrt(2 / np.pi)),
        ("root_mean_squared_error", 1.0),
        ("r2_score", 0.75),
    ):
        share = covered(results, truth, name)
        print(f"{name}: covered {share:.1%} of 500")
        assert 0.93 <= share <= 0.97


def test_one_class_only_gives_no_rates_of_the_other() -> None:
    result = measure_performance(y_true=[1] * 9, y_pred=[1] * 9, y_score=[0.9] * 9)
    assert result.figure("accuracy_score").value == 1
    assert result.figure("roc_auc_score").value is None
    assert any("only one class" in entry.why for entry in result.left_out)


def test_nothing_predicted_positive_has_no_precision() -> None:
    result = measure_performance(y_true=[1, 0, 1], y_pred=[0, 0, 0])
    figure = result.figure("precision_score")
    assert (figure.value, figure.low, figure.denominator) == (None, None, 0)
    assert any(e.what == "precision_score of the whole" for e in result.left_out)


def test_a_constant_truth_has_no_r2() -> None:
    result = measure_performance(y_true=[2.5] * 4, y_pred=[2.5, 2.0, 3.0, 2.5])
    assert result.figure("r2_score").value is None
    assert result.figure("mean_absolute_error").value == 0.25


def test_infinite_quantities_are_left_out_and_counted() -> None:
    result = measure_performance(y_true=[0.5, np.inf, 1.5, 2.0], y_pred=[0.5, 1.0, np.nan, 2.5])
    assert result.figure("mean_absolute_error").n == 2
    assert {(e.what, e.n) for e in result.left_out} == {
        ("rows without y_true", 1),
        ("rows without y_pred", 1),
    }


def test_scores_that_are_no_probabilities_are_ranked_only() -> None:
    result = measure_performance(y_true=[0, 1, 0, 1], y_score=[-3.0, 2.0, 1.0, 5.0])
    assert result.figure("roc_auc_score").value == 1
    assert "log_loss" not in {f.measure for f in result.figures}
    assert any(e.what == "calibration" for e in result.left_out)


def test_words_without_a_positive_one_are_measured_as_several() -> None:
    result = measure_performance(y_true=list("yynn"), y_pred=list("ynnn"))
    assert result.extra["task"] == "multiclass"
    assert result.figure("accuracy_score").value == 0.75
    told = measure_performance(y_true=list("yynn"), y_pred=list("ynnn"), positive_label="y")
    assert told.figure("recall_score").value == 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"y_true": [0, 1]}, "no prediction to look at"),
        ({"y_true": [0.5, 1.5], "y_score": [1, 2]}, "a regression needs y_pred"),
        ({"y_true": [0, 1], "y_pred": [0, 1, 1]}, "differ in length"),
        ({"y_true": [0, 1], "y_score": ["a", "b"]}, "y_score is not a column of numbers"),
        ({"y_true": [0.5, np.nan], "y_pred": [np.nan, 1.0]}, "each without a value"),
        ({"y_true": [0, 1], "y_pred": [0, 1], "task": "guess"}, "task is not known"),
        (
            {"y_true": list("abc"), "y_score": np.ones((3, 2)) / 2},
            "one column for each label",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(arguments, words) -> None:
    with pytest.raises(InputError, match=words):
        measure_performance(**arguments)


@pytest.mark.parametrize("digits", [1, 16])
def test_scores_walked_in_several_blocks_equal_scikit_learn(digits, monkeypatch) -> None:
    monkeypatch.setattr("aims_mlops.measures.performance.ranking._BLOCK_ROWS", 17)
    generator = np.random.default_rng(4)
    score = np.round(generator.random(2_000), digits)  # at one digit a score spans many blocks
    y_true = (generator.random(2_000) < score).astype(int)
    weights = generator.random(2_000) + 0.5
    result = measure_performance(y_true=y_true, y_score=score, sample_weight=weights)
    for name in ("roc_auc_score", "average_precision_score", "log_loss", "brier_score_loss"):
        expected = getattr(skm, name)(y_true, score, sample_weight=weights)
        assert result.figure(name).value == pytest.approx(expected, abs=TOLERANCE)
