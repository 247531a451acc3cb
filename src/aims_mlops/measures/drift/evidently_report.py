"""Evidently's own HTML report on a bounded sample; the only place that runs Evidently."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import Table

MEDIA_TYPE = "text/html"
_DEFAULT_ROWS = 5_000
_MOST_ROWS = 100_000  # Evidently takes about a second for 20,000 rows of 10 columns


def evidently_html(
    reference: Any,
    current: Any,
    *,
    max_rows: int = _DEFAULT_ROWS,
    columns: Sequence[str] | None = None,
    seed: int = 0,
) -> bytes:
    """Evidently's data drift report as one HTML page (about 4 MB), for a blob beside evidence.

    It is made of a sample of at most `max_rows` rows a side and by Evidently's own choice of
    methods, so its numbers are not those of `measure_drift`; it shows distributions, which are
    aggregates, and labels as they are. Never made unless asked for.
    Raises MissingExtraError without Evidently, InputError if the sides share no column.
    """
    if not 2 <= max_rows <= _MOST_ROWS:
        raise InputError(
            "max_rows is out of bounds", got=str(max_rows), expected=f"2 to {_MOST_ROWS:,}"
        )
    before, after = open_table(reference), open_table(current)
    wanted = [
        name
        for name in (before.names if columns is None else columns)
        if name in before.names and name in after.names
    ]
    if not wanted:
        raise InputError("reference and current share no column", next_step="check their headers")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Evidently on pandas 3, at import
            from evidently import Report
            from evidently.presets import DataDriftPreset
    except ImportError as error:
        raise MissingExtraError("Evidently's report", library="evidently", extra="drift") from error
    first = _sample(before.select(wanted), max_rows, seed)
    second = _sample(after.select(wanted), max_rows, seed + 1)
    usable = [name for name in wanted if first[name].notna().any() and second[name].notna().any()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snapshot = Report([DataDriftPreset()]).run(second[usable], first[usable])
        page: str = snapshot.get_html_str(as_iframe=False)
    return page.encode()


def _sample(table: Table, limit: int, seed: int) -> Any:
    """At most `limit` rows as a pandas frame, each row with the same chance, in order."""
    random = np.random.default_rng(seed)
    kept: pa.Table | None = None
    keys = np.empty(0)
    for batch in table.batches():
        # The rows with the smallest of one random number each are a fair sample of a stream.
        fresh = random.random(batch.rows)
        part = pa.table(dict(zip(table.names, (c() for c in batch.columns), strict=True)))
        together = (
            part if kept is None else pa.concat_tables([kept, part], promote_options="permissive")
        )
        keys = np.concatenate((keys, fresh))
        chosen = np.sort(np.argsort(keys, kind="stable")[:limit])
        kept, keys = together.take(pa.array(chosen)), keys[chosen]
    if kept is None or not kept.num_rows:
        raise InputError("a side has no rows", expected="at least one")
    return kept.to_pandas()
