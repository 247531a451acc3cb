"""Evidently's own page, of a bounded sample."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.measures.drift.evidently_report import evidently_html

DATA = pa.table(
    {
        "x": np.random.default_rng(0).normal(size=400),
        "label": ["a", "b"] * 200,
        "nothing": pa.nulls(400, pa.float64()),
    }
)


@pytest.mark.slow
def test_page_is_evidentlys_and_names_the_columns() -> None:
    page = evidently_html(DATA, [DATA][0], max_rows=100).decode()
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert "Drift" in page
    assert "label" in page


def test_sample_is_bounded_and_fair() -> None:
    from aims_mlops.measures.drift.evidently_report import _sample
    from aims_mlops.measures.table.opening import open_table

    rows = pa.table({"x": np.arange(1000)})
    means = [_sample(open_table(rows), 50, seed)["x"].mean() for seed in range(200)]
    assert len(_sample(open_table(rows), 50, 0)) == 50
    # Mean of 999/2 with standard error 288.7 * sqrt(0.95 / 50) / sqrt(200) = 2.8.
    assert np.mean(means) == pytest.approx(499.5, abs=4 * 2.8)


def test_bounds_and_columns_are_checked() -> None:
    with pytest.raises(InputError, match="max_rows is out of bounds"):
        evidently_html(DATA, DATA, max_rows=10**7)
    with pytest.raises(InputError, match="share no column"):
        evidently_html(DATA, pa.table({"y": [1]}))


def test_absent_evidently_is_said_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evidently", None)
    with pytest.raises(MissingExtraError, match=r"aims-mlops\[drift\]"):
        evidently_html(DATA, DATA)
