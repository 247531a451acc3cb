"""The quality checks that Great Expectations does not have: label balance and freshness."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.measures.quality.expectations import Outcome
from aims_mlops.measures.quality.frame import Frames
from aims_mlops.measures.quality.suite import Expectation

if TYPE_CHECKING:
    import pandas as pd


def check(frames: Frames, expectation: Expectation, at: datetime) -> Outcome:
    """The outcome of an `aims_…` expectation; `at` is the time that an age is counted to."""
    column = str(expectation.column)
    if column not in frames.names:
        return Outcome(expectation=expectation, status="fail", problem="no such column")
    frame = frames.of([column])
    if expectation.type == "aims_label_balance":
        return _label_balance(frame[column], expectation)
    if expectation.type == "aims_newest_row_age":
        return _newest_row_age(frame[column], expectation, at)
    return Outcome(expectation=expectation, status="error", problem="unknown check")


def _label_balance(labels: pd.Series[Any], expectation: Expectation) -> Outcome:
    """Observed: the share of the rarest class among rows with a label; None without a label.

    One class alone fails, since the other is not there at all.
    """
    counts = labels.value_counts(dropna=True)
    counts = counts[counts > 0]  # categories that nobody has
    present = int(counts.sum())
    outcome: dict[str, Any] = {
        "expectation": expectation,
        "elements": len(labels),
        "missing": len(labels) - present,
    }
    if not present:
        return Outcome(**outcome, status="fail", problem="no label")
    rarest = 0 if len(counts) == 1 else int(counts.min())
    share = rarest / present
    passed = share >= float(expectation.kwargs["min_share"])
    return Outcome(**outcome, status="pass" if passed else "fail", observed=share)


def _newest_row_age(times: pd.Series[Any], expectation: Expectation, at: datetime) -> Outcome:
    """Observed: whole days since the newest row. A row from the future is unexpected and fails."""
    import pandas as pd

    outcome: dict[str, Any] = {
        "expectation": expectation,
        "elements": len(times),
        "missing": int(times.isna().sum()),
    }
    if pd.api.types.is_datetime64_any_dtype(times.dtype):
        moments = times
    else:
        try:
            moments = pd.to_datetime(times, utc=True, format="ISO8601")
        except (ValueError, TypeError, OverflowError):
            return Outcome(**outcome, status="error", problem="not a column of times")
    moments = moments.dropna()
    if not len(moments):
        return Outcome(**outcome, status="fail", problem="no time")
    zone = getattr(moments.dtype, "tz", None)
    # A time without a zone is read as UTC.
    now = pd.Timestamp(at.astimezone(UTC) if zone else at.astimezone(UTC).replace(tzinfo=None))
    future = int((moments > now).sum())
    age = (now - moments.max()).total_seconds() / 86_400
    passed = not future and age <= float(expectation.kwargs["max_age_days"])
    return Outcome(
        **outcome,
        status="pass" if passed else "fail",
        unexpected=future,
        observed=None if future else float(int(age)),
    )
