"""Performance drift where labels arrive late: the labelled rows of both sides, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.samples.arrow_numbers import family_of, numbers
from aims_mlops.measures.drift.samples.sample import Kind
from aims_mlops.measures.drift.verdict import Rules, Verdict
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.libraries import source_of
from aims_mlops.measures.statistics.intervals import normal_quantile, wilson
from aims_mlops.measures.table.opening import open_table

# measure -> whether more is better; every one is a mean over rows, so sums are enough.
MEASURES = {"accuracy": True, "brier_score_loss": False, "mean_absolute_error": False}


@dataclass(frozen=True, slots=True)
class RowScores:
    """A mean over labelled rows: n, sum and sum of squares of each row's score.

    rows : all rows, labelled or not.
    """

    measure: str
    n: int
    total: float
    squares: float
    rows: int

    @property
    def value(self) -> float | None:
        """The mean of the scores; None without rows."""
        return self.total / self.n if self.n else None

    @property
    def error(self) -> float:
        """Standard error of the mean; 0 below two rows."""
        if self.n < 2:
            return 0.0
        variance = max(self.squares - self.total**2 / self.n, 0.0) / (self.n - 1)
        return math.sqrt(variance / self.n)

    def to_dict(self) -> dict[str, Any]:
        """The sums as JSON values, from which they are read again."""
        return {
            "measure": self.measure,
            "n": self.n,
            "total": self.total,
            "squares": self.squares,
            "rows": self.rows,
        }


def score_rows(
    data: Any, target: str, prediction: str, kinds: Mapping[str, Kind | None]
) -> RowScores:
    """Score every row that has a label and a prediction.

    kinds : of target and prediction, as the reference has them. Two numeric columns give the mean
    absolute error; labels of 0 and 1 (or booleans) with a numeric prediction the Brier score;
    anything else accuracy, where both columns must be of one family.
    Raises InputError where none of these fits.
    """
    measure = _measure(kinds[target], kinds[prediction])
    n, total, squares, rows = 0, 0.0, 0.0, 0
    for part in data if isinstance(data, list | tuple) else [data]:
        for batch in open_table(part).select([target, prediction]).batches():
            rows += batch.rows
            scores = _scores(measure, *(column() for column in batch.columns))
            n += scores.size
            total += float(scores.sum())
            squares += float(np.square(scores).sum())
    return RowScores(measure, n, total, squares, rows)


def _measure(target: Kind | None, prediction: Kind | None) -> str:
    if target == "categorical":
        return "accuracy" if prediction == "categorical" else "brier_score_loss"
    if target == "numeric" and prediction == "numeric":
        return "mean_absolute_error"
    raise InputError(
        "target and prediction cannot be held against each other",
        got=f"{target} and {prediction}",
        expected="two numeric columns, or a categorical target",
        next_step="name their kinds when the reference is measured",
    )


def _scores(measure: str, target: Any, prediction: Any) -> np.ndarray:
    both = [_whole(target), _whole(prediction)]
    labelled = pc.and_(pc.is_valid(both[0]), pc.is_valid(both[1]))
    truth, guess = (array.filter(labelled) for array in both)
    if measure == "accuracy":
        families = family_of(truth.type), family_of(guess.type)
        if families[0] != families[1]:
            raise InputError(
                "target and prediction are of different types", got=" and ".join(families)
            )
        if families[0] == "number":
            return np.equal(numbers(truth), numbers(guess)).astype(np.float64)
        equal = pc.equal(_plain(truth), _plain(guess))
        return np.asarray(equal.cast(pa.uint8()), dtype=float)
    if family_of(truth.type) == "boolean":
        truth = truth.cast(pa.uint8())
    elif family_of(truth.type) != "number" and len(truth):
        raise InputError("a numeric prediction needs labels of 0 and 1", got=family_of(truth.type))
    gap = numbers(guess) - numbers(truth)
    gap = gap[np.isfinite(gap)]
    return np.square(gap) if measure == "brier_score_loss" else np.abs(gap)


def _whole(array: Any) -> Any:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    return array


def _plain(array: Any) -> Any:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.large_string()) if family_of(array.type) == "text" else array


@dataclass(frozen=True, slots=True)
class PerformanceDrift:
    """What the labelled rows say: figures, and a verdict in words.

    difference : current less reference, with an interval at `confidence`.
    """

    reference: RowScores
    current: RowScores
    difference: float | None
    low: float | None
    high: float | None
    confidence: float
    verdict: Verdict
    reason: str

    def figures(self) -> list[Figure]:
        """Both sides and their difference, in the shape of all figures."""
        name = self.reference.measure
        source = source_of("scikit-learn", name)
        interval = "newcombe" if name == "accuracy" else "normal, by standard errors"
        figures = [
            Figure(
                measure=name,
                group={"data": side},
                value=scores.value,
                numerator=scores.total,
                denominator=scores.n,
                n=scores.n,
                method="no interval; the difference has one",
                source=source,
            )
            for side, scores in (("reference", self.reference), ("current", self.current))
        ]
        labelled = self.current
        return [
            *figures,
            Figure(
                measure=f"{name}_difference",
                value=self.difference,
                low=self.low,
                high=self.high,
                n=min(self.reference.n, labelled.n),
                method=f"{interval}, {self.confidence:g}",
                source=source,
            ),
            Figure(
                measure="share_of_labelled_rows",
                value=labelled.n / labelled.rows if labelled.rows else None,
                numerator=labelled.n,
                denominator=labelled.rows,
                n=labelled.rows,
                method="a count, not an estimate",
                source="aims-mlops: drift_performance",
            ),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Both sides and their difference as JSON values."""
        return {
            "reference": self.reference.to_dict(),
            "current": self.current.to_dict(),
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "confidence": self.confidence,
            "verdict": self.verdict,
            "reason": self.reason,
        }


def performance_drift(
    reference: RowScores, current: RowScores, rules: Rules, threshold: float
) -> PerformanceDrift:
    """`drift` where performance got worse by the threshold or more, beyond chance.

    threshold : for accuracy the absolute change; for errors the change relative to the
        reference's. The interval's confidence is 1 - rules.false_discovery_rate.
    """
    confidence = 1 - rules.false_discovery_rate
    enough = min(reference.n, current.n) >= rules.minimum_rows
    if reference.value is None or current.value is None:
        reason = "no labelled rows yet"
        return PerformanceDrift(
            reference, current, None, None, None, confidence, "insufficient", reason
        )
    difference = current.value - reference.value
    low, high = _interval(reference, current, normal_quantile((1 + confidence) / 2))
    more_is_better = MEASURES[reference.measure]
    scale = 1.0 if reference.measure == "accuracy" else max(abs(reference.value), 1e-12)
    worse = (-difference if more_is_better else difference) / scale
    beyond_chance = high < 0 if more_is_better else low > 0
    text = (
        f"{reference.measure} {reference.value:.3g} → {current.value:.3g} on {current.n} labelled "
        f"of {current.rows} rows"
    )
    if not enough:
        verdict: Verdict = "insufficient"
        text += f"; {rules.minimum_rows} labelled rows are needed on each side"
    elif worse >= threshold and beyond_chance:
        verdict = "drift"
    elif worse >= threshold:
        verdict, text = "insufficient", text + ", which chance explains"
    else:
        verdict = "no drift"
    return PerformanceDrift(reference, current, difference, low, high, confidence, verdict, text)


def _interval(first: RowScores, second: RowScores, z: float) -> tuple[float, float]:
    """Interval of second's mean less first's: Newcombe 1998 (method 10) for shares."""
    assert first.value is not None
    assert second.value is not None
    difference = second.value - first.value
    if first.measure == "accuracy":
        low_1, high_1 = map(float, wilson(first.value, first.n, z))
        low_2, high_2 = map(float, wilson(second.value, second.n, z))
        return (
            difference - math.hypot(second.value - low_2, high_1 - first.value),
            difference + math.hypot(high_2 - second.value, first.value - low_1),
        )
    half = z * math.hypot(first.error, second.error)
    return difference - half, difference + half
