"""Two models on the same rows, and one model over several runs."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as skm
from scipy.stats import binomtest
from sklearn.dummy import DummyClassifier

from aims_mlops.errors import InputError
from aims_mlops.measures.performance.comparison import compare_performance
from aims_mlops.measures.performance.measure import measure_performance
from aims_mlops.measures.performance.stability import measure_stability


@pytest.fixture
def models() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    y_true = generator.integers(0, 2, 600)
    hard = generator.normal(0, 1, 600)  # the same rows are hard for both models
    better = 1 / (1 + np.exp(-(2 * y_true - 1 + hard + generator.normal(0, 0.2, 600))))
    worse = 1 / (1 + np.exp(-(1.4 * y_true - 0.7 + hard + generator.normal(0, 0.2, 600))))
    return {"y_true": y_true, "better": better, "worse": worse}


def test_change_of_a_metric_is_this_minus_the_other(models) -> None:
    y, a, b = models["y_true"], models["better"] > 0.5, models["worse"] > 0.5
    result = compare_performance(y_true=y, y_pred=a.astype(int), other_pred=b.astype(int))
    for name in ("accuracy_score", "recall_score", "f1_score", "matthews_corrcoef"):
        expected = getattr(skm, name)(y, a) - getattr(skm, name)(y, b)
        assert result.figure(f"{name}_change").value == pytest.approx(expected, abs=1e-12)
    only_a, only_b = ((a == y) & (b != y)).sum(), ((a != y) & (b == y)).sum()
    expected = binomtest(int(only_a), int(only_a + only_b)).pvalue
    assert result.figure("mcnemar_exact_pvalue").value == pytest.approx(expected)
    assert result.extra["compared_with"] == "production"


def test_paired_interval_is_narrower_than_two_separate_ones(models) -> None:
    y, a, b = (models[name] for name in ("y_true", "better", "worse"))
    paired = compare_performance(y_true=y, y_score=a, other_score=b).figure("roc_auc_score_change")
    alone = [measure_performance(y_true=y, y_score=s).figure("roc_auc_score") for s in (a, b)]
    separate = np.hypot(*[f.high - f.low for f in alone])
    assert paired.value == pytest.approx(skm.roc_auc_score(y, a) - skm.roc_auc_score(y, b))
    assert paired.high - paired.low < separate / 2
    assert paired.low > 0


def test_losses_change_by_row(models) -> None:
    y, a, b = (models[name] for name in ("y_true", "better", "worse"))
    result = compare_performance(y_true=y, y_score=a, other_score=b)
    for name in ("log_loss", "brier_score_loss"):
        expected = getattr(skm, name)(y, a) - getattr(skm, name)(y, b)
        figure = result.figure(f"{name}_change")
        assert figure.value == pytest.approx(expected, abs=1e-12)
        assert figure.low < expected < figure.high


def test_without_another_model_the_baseline_is_the_most_frequent_label() -> None:
    y_true = np.array(["a"] * 50 + ["b"] * 30 + ["c"] * 20)
    y_pred = np.where(np.arange(100) % 4 == 0, "a", y_true)
    dummy = DummyClassifier(strategy="most_frequent").fit(np.zeros((100, 1)), y_true)
    result = compare_performance(y_true=y_true, y_pred=y_pred)
    expected = (y_pred == y_true).mean() - dummy.score(np.zeros((100, 1)), y_true)
    assert result.figure("accuracy_score_change").value == pytest.approx(expected)
    assert result.extra["compared_with"] == "baseline"


def test_regression_is_compared_with_the_mean() -> None:
    generator = np.random.default_rng(0)
    y_true = generator.normal(0, 3, 400)
    y_pred = y_true + generator.normal(0, 1, 400)
    result = compare_performance(y_true=y_true, y_pred=y_pred)
    # The mean has an R2 of 0.
    r2 = result.figure("r2_score_change")
    assert r2.value == pytest.approx(skm.r2_score(y_true, y_pred))
    assert result.figure("mean_absolute_error_change").high < 0


def test_equal_models_change_nothing_in_95_percent_of_samples() -> None:
    generator = np.random.default_rng(8)
    covered = 0
    for run in range(500):
        y_true = generator.integers(0, 2, 400)
        a, b = (np.where(generator.random(400) < 0.8, y_true, 1 - y_true) for _ in range(2))
        figure = compare_performance(
            y_true=y_true, y_pred=a, other_pred=b, seed=run, n_resamples=300
        ).figure("accuracy_score_change")
        covered += figure.low <= 0 <= figure.high
    print(f"accuracy_score_change: covered {covered / 500:.1%} of 500")
    assert 0.93 <= covered / 500 <= 0.97


def test_rows_without_a_label_are_left_out_of_both() -> None:
    result = compare_performance(
        y_true=[1, 0, None, 1], y_pred=[1, 0, 1, 1], other_pred=[1, None, 1, 0]
    )
    assert result.extra["rows"] == 2
    assert {(e.what, e.n) for e in result.left_out} == {
        ("rows without y_true", 1),
        ("rows without other_pred", 1),
    }


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(InputError, match="no pair to compare"):
        compare_performance(y_true=[0, 1], y_pred=[0, 1], other_score=[0.1, 0.9])


def test_stability_has_mean_spread_and_range_over_runs() -> None:
    runs = {
        f"seed {i}": measure_performance(
            y_true=[1, 0] * 10, y_pred=[1] * right + [0] * (20 - right)
        )
        for i, right in enumerate((2, 4, 6))
    }
    accuracies = [r.figure("accuracy_score").value for r in runs.values()]
    result = measure_stability(runs)
    mean = result.figure("accuracy_score_mean")
    assert mean.value == pytest.approx(np.mean(accuracies))
    assert (mean.low, mean.high, mean.n) == (min(accuracies), max(accuracies), 3)
    assert result.figure("accuracy_score_std").value == pytest.approx(np.std(accuracies, ddof=1))
    assert result.settings["runs"] == ["seed 0", "seed 1", "seed 2"]


def test_stability_of_one_run_is_refused() -> None:
    run = measure_performance(y_true=[1, 0], y_pred=[1, 0])
    with pytest.raises(InputError, match="several runs"):
        measure_stability([run])
