"""Figures against Evidently's own stat tests on the same rows.

Tolerance: 1e-9 relative or 1e-12 absolute for distances (1e-6 on columns of 32-bit floats), 1e-6
relative for p-values.
"""

from __future__ import annotations

import gzip
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aims_mlops.measures.drift.measure import measure_drift
from aims_mlops.measures.drift.methods.catalogue import sturges_edges
from aims_mlops.measures.drift.methods.choice import evidently_choice
from aims_mlops.measures.drift.reference import build_reference_profile
from aims_mlops.measures.drift.samples.read_columns import read_columns

# Evidently's own warnings under pandas 3 and SciPy's about ties are not ours to fix.
pytestmark = pytest.mark.filterwarnings("ignore")

NUMERIC = ("wasserstein", "jensenshannon", "psi", "kl_div", "ks")
LABELS = ("jensenshannon", "psi", "kl_div", "chisquare")


def evidently_number(
    method: str, reference: pd.Series[Any], current: pd.Series[Any], kind: str
) -> float:
    """What Evidently gives, after the cleaning that its get_one_column_drift does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently.legacy.calculations.stattests import get_stattest
        from evidently.legacy.core import ColumnType

        clean = [s.replace([-np.inf, np.inf], np.nan).dropna() for s in (reference, current)]
        feature = ColumnType.Numerical if kind == "numeric" else ColumnType.Categorical
        test = get_stattest(*clean, feature, method)
        return float(test(*clean, feature, None).drift_score)


def same(ours: float | None, theirs: float, *, method: str, tolerance: float = 1e-9) -> bool:
    if math.isnan(theirs):
        return ours is None or math.isnan(ours)
    assert ours is not None
    if method in ("ks", "chisquare", "z"):
        return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-12)
    return math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=1e-12)


@st.composite
def numeric_columns(draw: st.DrawFn) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Two samples of one of many shapes, with missing and infinite values."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(
        st.sampled_from(["normal", "lognormal", "cauchy", "rounded", "counts", "constant", "spike"])
    )
    scale = 10.0 ** draw(st.integers(-6, 9))
    shift = draw(st.sampled_from([0.0, 0.01, 0.5, 3.0]))
    sides = []
    for side in range(2):
        n = draw(st.integers(2, 400))
        values = {
            "normal": lambda n: random.normal(size=n),
            "lognormal": lambda n: random.lognormal(0, 2, n),
            "cauchy": lambda n: random.standard_cauchy(n),
            "rounded": lambda n: random.normal(size=n).round(1),
            "counts": lambda n: random.poisson(4, n).astype(float),
            "constant": lambda n: np.ones(n),
            "spike": lambda n: np.where(random.random(n) < 0.6, 0.0, random.normal(size=n)),
        }[shape](n)
        values = (values + side * shift) * (1.0 if shape == "counts" else scale)
        if draw(st.booleans()):
            values[random.random(n) < 0.1] = np.nan
            values[random.random(n) < 0.05] = draw(st.sampled_from([np.inf, -np.inf, np.nan]))
            values[0] = 1.0
        if shape == "counts" and draw(st.booleans()) and np.isfinite(values).all():
            sides.append(pd.Series(values.astype(np.int64)))
        else:
            sides.append(pd.Series(values.astype(draw(st.sampled_from([np.float64, np.float32])))))
    return sides[0], sides[1]


@st.composite
def label_columns(draw: st.DrawFn) -> tuple[pd.Series[Any], pd.Series[Any]]:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = draw(st.integers(1, 40))
    sides = []
    for _ in range(2):
        n = draw(st.integers(2, 400))
        names = np.array([f"label {i}" for i in range(labels + draw(st.integers(0, 2)))], object)
        weights = random.random(names.size) ** draw(st.integers(0, 4)) + 1e-9
        column = random.choice(names, n, p=weights / weights.sum())
        if draw(st.booleans()):
            column[random.random(n) < 0.1] = None
            column[0] = "label 0"
        sides.append(pd.Series(column, dtype="str"))
    return sides[0], sides[1]


def ours(
    method: str, reference: pd.Series[Any], current: pd.Series[Any], kind: str, kept: str | None
) -> float | None:
    before, after = pd.DataFrame({"x": reference}), pd.DataFrame({"x": current})
    kinds: dict[str, Any] = {"x": kind}
    if kept is None:
        result = measure_drift(before, after, methods={"x": method}, kinds=kinds)
    else:
        profile = build_reference_profile(before, kinds=kinds)
        result = measure_drift(profile, after, methods={"x": method})
    return result.figure(method, {"column": "x"}).value


@settings(max_examples=300, deadline=None)
@given(numeric_columns(), st.sampled_from(NUMERIC), st.sampled_from([None, "exact"]))
def test_numbers_of_any_shape_give_evidentlys_figure(
    pair: tuple[pd.Series[Any], pd.Series[Any]], method: str, kept: str | None
) -> None:
    theirs = evidently_number(method, *pair, "numeric")
    found = ours(method, *pair, "numeric", kept)
    # Evidently rounds the deviation of 32-bit floats to 32 bits before it divides by it.
    tolerance = 1e-6 if any(side.dtype == np.float32 for side in pair) else 1e-9
    assert same(found, theirs, method=method, tolerance=tolerance), (method, found, theirs)


@settings(max_examples=300, deadline=None)
@given(label_columns(), st.sampled_from(LABELS), st.sampled_from([None, "exact"]))
def test_labels_of_any_number_give_evidentlys_figure(
    pair: tuple[pd.Series[Any], pd.Series[Any]], method: str, kept: str | None
) -> None:
    if method == "chisquare":
        # With a single label Evidently gives 0, 1 or NaN, as rounding falls; ours gives no value.
        assume(pd.concat(pair).nunique() > 1)
    theirs = evidently_number(method, *pair, "categorical")
    found = ours(method, *pair, "categorical", kept)
    assert same(found, theirs, method=method), (method, found, theirs)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 300), st.integers(2, 300), st.floats(0, 1), st.floats(0, 1), st.integers(0, 9)
)
def test_two_labels_give_evidentlys_z(n: int, m: int, p: float, q: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    pair = (
        pd.Series(np.where(random.random(n) < p, "yes", "no"), dtype="str"),
        pd.Series(np.where(random.random(m) < q, "yes", "no"), dtype="str"),
    )
    theirs = evidently_number("z", *pair, "categorical")
    assert same(ours("z", *pair, "categorical", None), theirs, method="z")


@pytest.mark.parametrize("rows", [400, 1000, 1001])
@pytest.mark.parametrize("different", [1, 2, 3, 5, 6, 300])
@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_choice_rules_are_evidentlys(rows: int, different: int, kind: str) -> None:
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    values = pd.Series(np.arange(rows) % different).astype(float)
    feature = ColumnType.Numerical if kind == "numeric" else ColumnType.Categorical
    theirs = get_stattest(values, values, feature, None).name
    kinds: dict[str, Any] = {"x": kind}
    sample = read_columns(pd.DataFrame({"x": values}), kinds=kinds).columns["x"].sample
    assert sample is not None
    assert evidently_choice(sample, sample) == theirs


@pytest.mark.parametrize("shape", ["normal", "lognormal", "cauchy", "rounded", "ages", "spike"])
def test_large_columns_take_the_grid_and_give_evidentlys_figure(shape: str) -> None:
    random = np.random.default_rng(7)
    make = {
        "normal": lambda n: random.normal(size=n),
        "lognormal": lambda n: random.lognormal(0, 2, n),
        "cauchy": lambda n: random.standard_cauchy(n),
        "rounded": lambda n: random.normal(size=n).round(2),
        "ages": lambda n: random.integers(18, 90, n).astype(float),
        "spike": lambda n: np.where(random.random(n) < 0.6, 0.0, random.gamma(2, 2, n)),
    }[shape]
    pair = pd.Series(make(61_000)), pd.Series(make(54_000))
    for method in ("wasserstein", "jensenshannon", "psi"):
        theirs = evidently_number(method, *pair, "numeric")
        for kept in (None, "exact"):
            found = ours(method, *pair, "numeric", kept)
            assert same(found, theirs, method=method), (method, found, theirs)


def adult(name: str) -> pd.DataFrame:
    place = Path(os.environ.get("AIMS_TEST_DATA", Path(__file__).parents[5] / "shared" / "data"))
    if not (place / name).exists():
        pytest.skip("the Census Income data are not beside the project")
    header = (Path(__file__).parents[1] / "adult_columns.txt").read_text().split()
    with gzip.open(place / name, "rt") as lines:
        frame = pd.read_csv(lines, names=header, skipinitialspace=True, na_values="?")
    frame["income"] = frame["income"].str.rstrip(".")
    return frame


@pytest.mark.slow
def test_real_data_give_the_figures_of_an_evidently_report() -> None:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    before, after = adult("adult-train.csv.gz"), adult("adult-test.csv.gz")
    snapshot = Report([DataDriftPreset()]).run(after, before)
    theirs = {
        metric["config"]["column"]: metric
        for metric in snapshot.dict()["metrics"]
        if "column" in metric["config"]
    }
    result = measure_drift(before, after, methods="evidently")
    assert set(theirs) == set(result.columns)
    for name, entry in result.columns.items():
        found = entry["values"][entry["method"]]
        assert same(found, float(theirs[name]["value"]), method=entry["method"]), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_bins_are_numpys_in_the_precision_of_the_data(dtype: type) -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        scale = 10.0 ** random.integers(-3, 6)
        values = (random.normal(size=random.integers(2, 90)).round(1) * scale).astype(dtype)
        edges = sturges_edges(
            float(values.min()),
            float(values.max()),
            values.size,
            integer=dtype is np.int64,
            single=dtype is np.float32,
        )
        theirs = np.histogram_bin_edges(values, bins="sturges")
        assert edges.tolist() == theirs.astype(np.float64).tolist()
