"""What must not change a result, and what must change it in a known way."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aims_mlops.measures.drift.measure import measure_drift
from aims_mlops.measures.drift.reference import build_reference_profile

METHODS = {
    "x": ["wasserstein", "jensenshannon", "psi", "ks"],
    "label": ["jensenshannon", "psi", "chisquare"],
}


def table(rows: int, seed: int, names: tuple[str, ...] = ("a", "b", "c")) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "x": pa.array(random.normal(size=rows).round(3), mask=random.random(rows) < 0.1),
            "label": np.array(names)[random.integers(0, len(names), rows)],
        }
    )


def values(before: object, after: object) -> list[float | None]:
    return [figure.value for figure in measure_drift(before, after, methods=METHODS).figures]


sizes = st.integers(40, 500)
seeds = st.integers(0, 10**6)


@settings(max_examples=30, deadline=None)
@example(434, 40, 65537)  # -0.0 and 0.0 change places
@given(sizes, sizes, seeds)
def test_permuted_rows_change_nothing(n: int, m: int, seed: int) -> None:
    before, after = table(n, seed), table(m, seed + 1)
    random = np.random.default_rng(seed)
    shuffled = [part.take(random.permutation(part.num_rows)) for part in (before, after)]
    assert values(*shuffled) == pytest.approx(values(before, after), rel=1e-12)
    digests = {build_reference_profile(part).sha256 for part in (before, shuffled[0])}
    assert len(digests) == 1


@settings(max_examples=30, deadline=None)
@given(sizes, sizes, seeds, st.lists(st.floats(0, 1), max_size=5))
def test_batches_split_and_merged_change_nothing(
    n: int, m: int, seed: int, cuts: list[float]
) -> None:
    before, after = table(n, seed), table(m, seed + 1)
    places = [0, *sorted(int(cut * m) for cut in cuts), m]
    parts = [after.slice(a, b - a) for a, b in pairwise(places)]
    assert values(before, parts) == pytest.approx(values(before, after), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(sizes, sizes, seeds)
def test_renamed_labels_change_nothing(n: int, m: int, seed: int) -> None:
    plain = values(table(n, seed), table(m, seed + 1))
    renamed = ("zebra", "", "ä")
    assert values(table(n, seed, renamed), table(m, seed + 1, renamed)) == plain


@settings(max_examples=30, deadline=None)
@given(sizes, sizes, seeds, st.floats(0.01, 1000), st.floats(-100, 100))
def test_other_units_change_no_normed_distance(
    n: int, m: int, seed: int, scale: float, offset: float
) -> None:
    random = np.random.default_rng(seed)
    before, after = random.normal(size=n), random.normal(0.3, 1, m)
    plain, converted = (
        measure_drift(
            pa.table({"x": f(before)}), pa.table({"x": f(after)}), methods=["wasserstein", "ks"]
        )
        for f in (lambda x: x, lambda x: x * scale + offset)
    )
    group = {"column": "x"}
    for method in ("wasserstein", "ks"):
        value = plain.figure(method, group).value
        assert converted.figure(method, group).value == pytest.approx(value, rel=1e-6)


def test_data_against_themselves_have_no_distance() -> None:
    data = table(500, 1)
    result = measure_drift(data, data, methods=METHODS)
    assert result.verdict == "no drift"
    for measure in ("wasserstein", "jensenshannon", "psi"):
        for name in ("x", "label"):
            if measure in result.columns[name]["values"]:
                assert result.columns[name]["values"][measure] == 0.0


def test_larger_shift_is_a_larger_distance() -> None:
    random = np.random.default_rng(0)
    before = pa.table({"x": random.normal(size=1000)})
    found = [
        measure_drift(before, pa.table({"x": random.normal(shift, 1, 1000)})).columns["x"]["effect"]
        for shift in (0.0, 0.5, 1.0, 2.0)
    ]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(2.0, abs=0.15)


def test_columns_without_drift_added_leave_the_drifted_ones_found() -> None:
    random = np.random.default_rng(0)
    noise = {f"n{i}": random.normal(size=800) for i in range(60)}
    before = pa.table({"x": random.normal(size=800), **noise})
    after = pa.table({"x": random.normal(0.6, 1, 800), **noise})
    assert measure_drift(before, after).drifted == ("x",)
