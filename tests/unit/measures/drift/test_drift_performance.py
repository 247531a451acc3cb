"""Performance on labels that come late: counts by hand, intervals from the literature."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.measure import measure_drift
from aims_mlops.measures.drift.performance import RowScores, performance_drift, score_rows
from aims_mlops.measures.drift.reference import build_reference_profile
from aims_mlops.measures.drift.verdict import Rules


def labelled(rows: int, right: int, labels: int | None = None) -> pa.Table:
    """Rows of which the first `right` are predicted right; only `labels` of them have a label."""
    truth = ["yes"] * rows
    guess = ["yes"] * right + ["no"] * (rows - right)
    known: list[str | None] = [*truth[:labels], *[None] * (rows - (labels or rows))]
    return pa.table({"y": pa.array(known).dictionary_encode(), "p": pa.array(guess)})


def scored(successes: int, n: int) -> RowScores:
    return RowScores("accuracy", n, successes, successes, n)


def test_difference_of_shares_has_newcombes_interval() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table II (a), method 10: 56/70 - 48/80.
    found = performance_drift(scored(48, 80), scored(56, 70), Rules(false_discovery_rate=0.05), 0.1)
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((900, 1000), (890, 1000), "no drift"),
        ((900, 1000), (750, 1000), "drift"),
        ((900, 1000), (990, 1000), "no drift"),  # better is no drift
        ((36, 40), (33, 40), "insufficient"),
        ((900, 1000), (10, 20), "insufficient"),
    ],
)
def test_worse_beyond_chance_and_threshold_is_drift(
    before: tuple[int, int], after: tuple[int, int], verdict: str
) -> None:
    assert performance_drift(scored(*before), scored(*after), Rules(), 0.05).verdict == verdict


def test_only_rows_with_a_label_count() -> None:
    result = measure_drift(
        labelled(400, 360), labelled(300, 150, labels=200), target="y", prediction="p"
    )
    figure = result.figure("accuracy", {"data": "current"})
    assert (figure.numerator, figure.denominator) == (150, 200)
    assert result.figure("accuracy", {"data": "reference"}).value == 0.9
    assert result.figure("share_of_labelled_rows").value == pytest.approx(2 / 3)
    assert result.extra["performance"]["verdict"] == "drift"
    assert result.verdict == "drift"
    assert result.columns["y"]["missing_adjusted_p_value"] is None  # late, not missing


def test_labels_that_have_not_come_are_said_and_are_no_drift() -> None:
    batch = labelled(300, 270).drop(["y"])
    result = measure_drift(labelled(400, 360), batch, target="y", prediction="p")
    assert [finding["finding"] for finding in result.findings] == ["late labels"]
    assert result.verdict == "no drift"


@pytest.mark.parametrize("variant", ["exact", "compact"])
def test_profile_gives_the_same_performance_as_the_data(variant: str) -> None:
    before, after = labelled(400, 360), labelled(300, 200)
    profile = build_reference_profile(
        before,
        variant=variant,
        target="y",
        prediction="p",
    )
    kept = measure_drift(profile, after).extra["performance"]
    assert kept == measure_drift(before, after, target="y", prediction="p").extra["performance"]


def test_scores_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 500)
    score = np.clip(random.normal(truth, 0.5), 0, 1)
    found = score_rows(
        pa.table({"y": truth, "p": score}), "y", "p", {"y": "categorical", "p": "numeric"}
    )
    assert found.value == pytest.approx(metrics.brier_score_loss(truth, score))
    price, guess = random.lognormal(size=500), random.lognormal(size=500)
    found = score_rows(
        pa.table({"y": price, "p": guess}), "y", "p", {"y": "numeric", "p": "numeric"}
    )
    assert found.value == pytest.approx(metrics.mean_absolute_error(price, guess))
    assert found.error == pytest.approx(np.abs(price - guess).std(ddof=1) / np.sqrt(500))


def test_label_that_cannot_be_scored_is_refused() -> None:
    table = pa.table({"y": ["yes", "no"] * 50, "p": np.linspace(0, 1, 100)})
    with pytest.raises(InputError, match="labels of 0 and 1"):
        measure_drift(table, table, target="y", prediction="p")
