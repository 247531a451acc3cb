"""Whatever a function takes and gives back, each row is written or counted, and nothing raises."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aims_mlops.inference_log.columns.rows import Call, ConversionNotes, LogSettings, table_of
from aims_mlops.inference_log.recorder.snapshot import count_rows, size_of, snapshot
from aims_mlops.inference_log.storage.schema import Shape
from aims_mlops.inventory.declared.inference_settings import Inference

KEPT = LogSettings(
    Inference(allow=("a", "0", "time"), hash=("b",), bucket={"c": (0.0, 1.0)}), bytes(range(32))
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.just(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
    st.just(decimal.Decimal("1.5")),
    st.just(np.float32(1.5)),
    st.just(pd.NA),
    st.just(object),
)
KEYS = st.sampled_from(["a", "b", "c", "d", "0", "time", "prediction", "score"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(KEYS, st.integers(0, 2)), inner, max_size=3),
    ),
    max_leaves=8,
)
TABLES = st.builds(
    lambda rows, kind: kind(rows),
    st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]), st.lists(st.floats(), min_size=2, max_size=2)
    ),
    st.sampled_from(
        [pd.DataFrame, pl.DataFrame, pa.table, lambda rows: np.array(list(rows.values()))]
    ),
)


@given(st.lists(st.tuples(st.one_of(VALUES, TABLES), st.one_of(VALUES, TABLES)), max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_call_becomes_rows_of_one_schema(pairs: list[tuple[Any, Any]]) -> None:
    shape, told = Shape(), ConversionNotes()
    calls = []
    for number, (inputs, output) in enumerate(pairs):
        rows = count_rows(output)
        if not rows:
            continue
        assert size_of(inputs) >= 0
        call = Call(f"r{number}", 10**18, 1000, rows, snapshot(inputs), snapshot(output))
        calls.append(call)
    if not calls:
        return
    table = table_of(calls, KEPT, shape, told)
    assert table.num_rows == sum(call.rows for call in calls)
    again = table_of(calls, KEPT, shape, told)
    for name in table.column_names:
        first, second = table.schema.field(name).type, again.schema.field(name).type
        assert first in (second, pa.null()), name
    ids = table["request_id"].to_pylist()
    assert {id_: ids.count(id_) for id_ in ids} == {call.request_id: call.rows for call in calls}
