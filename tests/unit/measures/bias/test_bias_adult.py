"""Bias and performance on real people: the Census Income data, against Fairlearn on rows."""

from __future__ import annotations

import os
from pathlib import Path

import fairlearn.metrics as fm
import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as skm

from aims_mlops.measures.bias.measure import measure_bias
from aims_mlops.measures.performance.measure import measure_performance

DATA = Path(os.environ.get("AIMS_TEST_DATA", Path(__file__).parents[5] / "shared" / "data"))
pytestmark = pytest.mark.skipif(
    not (DATA / "adult-test.csv.gz").exists(), reason="the Adult data do not stand beside us"
)


@pytest.fixture(scope="module")
def adult() -> pd.DataFrame:
    """The test part with a score from a logistic regression on the training part."""
    from sklearn.linear_model import LogisticRegression

    header = (Path(__file__).parents[1] / "adult_columns.txt").read_text().split()
    parts = [
        pd.read_csv(
            DATA / f"adult-{part}.csv.gz", names=header, skipinitialspace=True, na_values="?"
        ).assign(rich=lambda f: f["income"].str.startswith(">50K").astype(int))
        for part in ("train", "test")
    ]
    inputs = ["age", "education-num", "hours-per-week"]
    model = LogisticRegression().fit(parts[0][inputs], parts[0]["rich"])
    test = parts[1]
    test["score"] = model.predict_proba(test[inputs])[:, 1]
    test["flag"] = (test["score"] >= 0.4).astype(int)
    return test


def test_figures_of_sex_and_race_equal_fairlearn(adult) -> None:
    result = measure_bias(
        adult, y_true="rich", y_pred="flag", sensitive=["sex", "race"], min_group_size=1
    )
    for used, scope in (
        (["sex"], {"sex": "*"}),
        (["race"], {"race": "*"}),
        (["sex", "race"], None),
    ):
        frame = fm.MetricFrame(
            metrics={
                "selection_rate": fm.selection_rate,
                "true_positive_rate": fm.true_positive_rate,
                "accuracy_score": skm.accuracy_score,
            },
            y_true=adult["rich"],
            y_pred=adult["flag"],
            sensitive_features=adult[used],
        )
        for labels, row in frame.by_group.iterrows():
            group = dict(zip(used, labels if isinstance(labels, tuple) else (labels,), strict=True))
            for name, value in row.items():
                assert result.figure(name, group).value == pytest.approx(value, abs=1e-12)
        gaps = frame.difference()
        for name, rate in (
            ("demographic_parity_difference", "selection_rate"),
            ("equal_opportunity_difference", "true_positive_rate"),
        ):
            assert result.figure(name, scope).value == pytest.approx(gaps[rate], abs=1e-12)


def test_women_are_flagged_less_and_the_interval_says_so(adult) -> None:
    result = measure_bias(adult, y_true="rich", y_pred="flag", sensitive="sex")
    ratio = result.figure("four_fifths_ratio")
    rates = adult.groupby("sex")["flag"].mean()
    assert ratio.value == pytest.approx(rates["Female"] / rates["Male"])
    assert ratio.high < 0.8
    assert result.figure("fisher_exact_pvalue", {"sex": "Female"}).value < 1e-10


def test_missing_occupations_are_a_group(adult) -> None:
    result = measure_bias(adult, y_true="rich", y_pred="flag", sensitive="occupation")
    missing = int(adult["occupation"].isna().sum())
    assert missing == 966
    assert result.figure("selection_rate", {"occupation": "(unknown)"}).n == missing


def test_performance_by_sex_equals_scikit_learn(adult) -> None:
    result = measure_performance(
        adult, y_true="rich", y_pred="flag", y_score="score", groups="sex", n_resamples=200
    )
    for sex, part in adult.groupby("sex"):
        group = {"sex": sex}
        for name in ("f1_score", "matthews_corrcoef", "balanced_accuracy_score"):
            expected = getattr(skm, name)(part["rich"], part["flag"])
            assert result.figure(name, group).value == pytest.approx(expected, abs=1e-12)
        for name in ("roc_auc_score", "average_precision_score", "log_loss", "brier_score_loss"):
            expected = getattr(skm, name)(part["rich"], part["score"])
            assert result.figure(name, group).value == pytest.approx(expected, abs=1e-12)
    large = result.figure("calibration_in_the_large", {"sex": "Female"})
    women = adult[adult["sex"] == "Female"]
    assert large.value == pytest.approx(np.mean(women["rich"]) - np.mean(women["score"]))
    assert large.high < 0  # the score knows nothing of sex and is too high for women
