"""Data quality against a bare run of Great Expectations, as a ratio in one run.

AIMS_BENCHMARK_ROWS sets the rows (default 100,000; the stated ratio is for 1,000,000).
"""

from __future__ import annotations

import os
import resource
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aims_mlops.measures.quality.measure import measure_quality

pytestmark = [pytest.mark.benchmark, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROWS = int(os.environ.get("AIMS_BENCHMARK_ROWS", "100000"))
AT_MOST = 1.2  # times a bare run of the same suite


def frame_and_suite() -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """30 columns and 40 expectations."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    asked: list[tuple[str, dict[str, Any]]] = []
    for place in range(20):
        name = f"number_{place}"
        values = random.normal(size=ROWS)
        values[random.random(ROWS) < 0.02] = np.nan
        columns[name] = values
        limits = {"min_value": -5, "max_value": 5, "mostly": 0.99}
        asked.append(("expect_column_values_to_be_between", {"column": name, **limits}))
        if place % 4 == 0:
            asked.append(("expect_column_values_to_not_be_null", {"column": name, "mostly": 0.9}))
    labels = [f"category {i}" for i in range(50)]
    for place in range(10):
        name = f"text_{place}"
        columns[name] = pd.Series(random.choice(labels, ROWS), dtype="str")
        asked.append(("expect_column_values_to_be_in_set", {"column": name, "value_set": labels}))
        if place % 2 == 0:
            asked.append(("expect_column_values_to_not_be_null", {"column": name}))
    return pd.DataFrame(columns), [{"type": kind, "kwargs": kwargs} for kind, kwargs in asked]


def bare_run(frame: pd.DataFrame, asked: list[dict[str, Any]]) -> list[tuple[str, bool, Any]]:
    """The suite as the library's documentation runs it, whole, with its leanest counts."""
    import great_expectations
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("d").add_dataframe_asset("d")
    batch = asset.add_batch_definition_whole_dataframe("d").get_batch({"dataframe": frame})
    suite = great_expectations.ExpectationSuite("s")
    suite.expectations = [
        ExpectationConfiguration(type=e["type"], kwargs=dict(e["kwargs"])).to_domain_obj()
        for e in asked
    ]
    found = batch.validate(suite, result_format="BASIC")
    return sorted(
        (r.expectation_config.kwargs["column"], bool(r.success), r.result["unexpected_count"])
        for r in found.results
    )


def test_quality_costs_no_more_than_the_library_run_bare(figures: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations  # noqa: F401  its import is not part of either side
    frame, asked = frame_and_suite()
    assert len(asked) == 30 + 5 + 5
    ours, bare = [], []
    for _ in range(3):
        start = time.perf_counter()
        result = measure_quality(frame, {"name": "s", "expectations": asked})
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        expected = bare_run(frame, asked)
        bare.append(time.perf_counter() - start)
    found = sorted(
        (o.expectation.column, o.status == "pass", o.unexpected) for o in result.outcomes
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    ratio = min(ours) / min(bare)
    print(
        f"\n{ROWS} rows: quality {min(ours):.2f} s with fingerprint, bare {min(bare):.2f} s, "
        f"ratio {ratio:.2f}, peak {peak:.2f} GiB"
    )
    assert found == expected
    figures.at_most("quality: ours / bare Great Expectations", ratio, AT_MOST)
