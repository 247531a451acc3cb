"""Input that cannot be measured as it is: refused by name, or measured and said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.measure import DriftResult, measure_drift
from aims_mlops.measures.drift.reference import build_reference_profile

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=2000)


def findings(result: DriftResult) -> dict[str, str]:
    return {finding["column"]: finding["finding"] for finding in result.findings}


def one(values: Any) -> pa.Table:
    return pa.table({"x": values})


def test_missing_new_and_retyped_columns_are_findings() -> None:
    before = pa.table({"kept": NORMAL, "gone": NORMAL, "was_number": NORMAL})
    after = pa.table({"kept": NORMAL, "was_number": ["a"] * 2000, "fresh": NORMAL})
    result = measure_drift(before, after)
    assert findings(result) == {"gone": "missing", "was_number": "retyped", "fresh": "new"}
    assert list(result.columns) == ["kept"]
    assert result.verdict == "drift"


def test_new_column_alone_is_no_drift() -> None:
    result = measure_drift(one(NORMAL), pa.table({"x": NORMAL, "fresh": NORMAL}))
    assert findings(result) == {"fresh": "new"}
    assert result.verdict == "no drift"


def test_whole_numbers_that_become_floats_are_not_retyped() -> None:
    whole = RANDOM.integers(0, 100, 2000)
    floats = pd.DataFrame({"x": whole.astype(float)}).mask(RANDOM.random((2000, 1)) < 0.01)
    assert findings(measure_drift(one(whole), floats)) == {}


def test_time_zone_that_appears_is_a_retyped_column() -> None:
    seconds = RANDOM.integers(0, 10**9, 2000)
    before = one(pa.array(seconds, pa.timestamp("s")))
    after = one(pa.array(seconds, pa.timestamp("s", tz="UTC")))
    assert findings(measure_drift(before, after)) == {"x": "retyped"}


def test_other_time_zone_of_the_same_instants_is_no_drift() -> None:
    seconds = RANDOM.integers(0, 10**9, 2000)
    zones = (one(pa.array(seconds, pa.timestamp("s", tz=zone))) for zone in ("UTC", "Asia/Tokyo"))
    assert measure_drift(*zones).columns["x"]["effect"] == 0.0


def test_times_with_and_without_zone_mixed_are_not_measured_and_said() -> None:
    mixed = pd.DataFrame(
        {
            "t": pd.Series(
                [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)] * 50, dtype=object
            )
        }
    )
    mixed["x"] = NORMAL[:100]
    result = measure_drift(mixed, mixed)
    assert findings(result) == {"t": "not measured"}
    assert list(result.columns) == ["x"]


def test_infinities_are_left_out_and_counted() -> None:
    with_infinity = NORMAL.copy()
    with_infinity[:3] = [np.inf, -np.inf, np.inf]
    result = measure_drift(one(NORMAL), one(with_infinity))
    assert findings(result) == {"x": "values left out"}
    entry = result.columns["x"]
    assert (entry["n_current"], entry["infinite_current"]) == (1997, 3)


def test_constant_column_that_moves_is_drift_and_one_that_stays_is_not() -> None:
    before = pa.table({"stays": np.ones(2000), "moves": np.ones(2000)})
    after = pa.table({"stays": np.ones(2000), "moves": np.full(2000, 2.0)})
    result = measure_drift(before, after)
    assert result.drifted == ("moves",)
    # Evidently norms by at least 0.001.
    assert result.columns["moves"]["effect"] == pytest.approx(1000.0)


def test_labels_that_only_the_batch_has_count_in_full() -> None:
    result = measure_drift(one(["a"] * 2000), one(["b"] * 2000))
    assert result.columns["x"]["effect"] == pytest.approx(np.sqrt(np.log(2)))
    assert result.verdict == "drift"


def test_column_whose_values_are_all_missing_drifts() -> None:
    result = measure_drift(one(NORMAL), one(pa.nulls(2000, pa.float64())))
    assert result.columns["x"]["reason"] == "missing values went from 0.0% to 100.0% of rows"
    assert result.verdict == "drift"
    nothing = measure_drift(one(NORMAL), one(pa.nulls(2000)))  # a type that holds nothing at all
    assert nothing.columns["x"]["verdict"] == "drift"


def test_reference_without_values_is_not_measured() -> None:
    result = measure_drift(one(pa.nulls(2000, pa.float64())), one(NORMAL))
    assert result.columns["x"]["verdict"] in ("drift", "insufficient")
    untyped = measure_drift(one(pa.nulls(2000)), one(NORMAL))
    assert findings(untyped) == {"x": "not measured"}
    assert untyped.verdict == "insufficient"


def test_more_missing_values_are_drift_only_beyond_the_threshold() -> None:
    def holes(share: float) -> pa.Table:
        return one(pa.array(RANDOM.normal(size=4000), mask=RANDOM.random(4000) < share))

    assert measure_drift(holes(0.02), holes(0.03)).verdict == "no drift"
    assert measure_drift(holes(0.02), holes(0.10)).columns["x"]["verdict"] == "drift"


def test_vectors_of_other_length_are_refused_by_name() -> None:
    def vectors(width: int) -> pa.Table:
        return one(list(RANDOM.normal(size=(50, width))))

    with pytest.raises(InputError, match="vectors of column 'x' have another length"):
        measure_drift(vectors(3), vectors(4))


def test_vectors_that_differ_in_length_are_not_measured() -> None:
    ragged = one([[1.0, 2.0], [1.0]] * 50)
    assert findings(measure_drift(ragged, ragged)) == {"x": "not measured"}


def test_structures_are_not_measured_and_said() -> None:
    nested = one([{"a": 1}] * 50)
    assert findings(measure_drift(nested, nested)) == {"x": "not measured"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ["y"]}, "columns names no column"),
        ({"target": "y"}, "target names no column"),
        ({"methods": "student"}, "unknown drift method"),
        ({"methods": {"y": "ks"}}, "no column and no kind"),
        ({"methods": {"x": "ratio"}}, "cannot measure column 'x'"),
        ({"kinds": {"x": "ordinal"}}, "unknown kind"),
        ({"threshold": {"wasserstein": 0.0}}, "threshold must be above 0"),
        ({"threshold": {"student": 0.1}}, "threshold must be above 0"),
        ({"false_discovery_rate": 0.0}, "false_discovery_rate is out of bounds"),
        ({"minimum_rows": 1}, "minimum_rows is out of bounds"),
        ({"missing_threshold": float("nan")}, "missing_threshold is out of bounds"),
    ],
)
def test_argument_that_leads_nowhere_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure_drift(one(NORMAL), one(NORMAL), **arguments)


def test_z_test_of_more_than_two_labels_is_refused() -> None:
    labels = one(["a", "b", "c"] * 40)
    with pytest.raises(InputError, match="compares one share"):
        measure_drift(labels, labels, methods={"x": "z"})


def test_table_without_rows_is_refused_on_either_side() -> None:
    nothing = one(pa.array([], pa.float64()))
    with pytest.raises(InputError, match="the batch has no rows"):
        measure_drift(one(NORMAL), nothing)
    with pytest.raises(InputError, match="the reference has no rows"):
        measure_drift(nothing, one(NORMAL))
    with pytest.raises(InputError, match="the reference has no rows"):
        build_reference_profile(nothing)


def test_no_message_shows_a_value_of_the_data() -> None:
    secret = "patient 4711"
    before = pa.table({"x": [secret] * 2000, "t": [secret, "other"] * 1000})
    result = measure_drift(build_reference_profile(before), pa.table({"x": [secret] * 2000}))
    assert secret not in repr(result)
    assert secret not in str(result.to_body())


def test_numbers_too_large_to_square_are_not_measured_and_said() -> None:
    result = measure_drift(one(NORMAL * 1e300), one(NORMAL * 1e300))
    assert findings(result) == {"x": "not measured"}
    assert findings(measure_drift(one(NORMAL), one(NORMAL * 1e300))) == {"x": "not measured"}


def test_stream_is_measured_once_and_refused_where_it_must_be_read_twice() -> None:
    table = pa.table({"x": NORMAL, "y": NORMAL})
    assert measure_drift(table, table.to_reader()).verdict == "no drift"
    with pytest.raises(InputError, match="a stream can be read once"):
        measure_drift(table, table.to_reader(), target="x", prediction="y")


def test_single_row_is_insufficient_by_every_method() -> None:
    for method in ("wasserstein", "jensenshannon", "psi", "ks", "kl_div"):
        assert measure_drift(one([1.0]), one([2.0]), methods=method).verdict == "insufficient"


def test_column_name_twice_is_refused() -> None:
    with pytest.raises(InputError, match="occurs more than once"):
        measure_drift(pd.DataFrame([[1, 2]], columns=["a", "a"]), one(NORMAL))


def test_only_the_columns_asked_for_are_read() -> None:
    # A column that could not be read would be a finding.
    table = pa.table({"x": NORMAL, "odd": [{"a": 1}] * NORMAL.size})
    result = measure_drift(table, table.drop(["odd"]), columns=["x"])
    assert list(result.columns) == ["x"]
    assert result.findings == ()


def test_column_asked_for_that_the_batch_lacks_is_missing() -> None:
    before = pa.table({"x": NORMAL, "y": NORMAL})
    result = measure_drift(before, one(NORMAL), columns=["y", "x"])
    assert findings(result) == {"y": "missing"}
