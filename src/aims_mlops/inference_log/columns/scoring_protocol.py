"""Bodies of scoring requests and answers: MLflow's protocol, or plain JSON of a table or a row."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import orjson

_WRAPPED = ("dataframe_records", "instances", "inputs", "data", "rows")
_ANSWERS = ("predictions", "outputs")


@dataclass(frozen=True, slots=True)
class Body:
    """What came in, as it came; it is read by the writer."""

    content: bytes
    media_type: str

    def read(self) -> Any:
        """The features. Raises ValueError for a body of no known form."""
        kind = self.media_type.partition(";")[0].strip().lower()
        if kind == "text/csv":
            import pandas as pd

            return pd.read_csv(io.BytesIO(self.content))
        if kind == "application/vnd.apache.parquet":
            import pyarrow.parquet as pq

            return pq.read_table(io.BytesIO(self.content))
        return features_in(orjson.loads(self.content))


def features_in(body: Any) -> Any:
    """The table or row of a parsed request."""
    if not isinstance(body, dict):
        return body
    split = body.get("dataframe_split")
    if isinstance(split, dict) and isinstance(split.get("data"), list):
        names = split.get("columns")
        if not names:
            return split["data"]
        return [dict(zip(names, row, strict=True)) for row in split["data"]]
    for name in _WRAPPED:
        if name in body and isinstance(body[name], list | dict):
            return body[name]
    return body


def predictions_in(content: bytes) -> Any:
    """What an answer predicts: a list with a row each, or one row. Raises ValueError."""
    body = orjson.loads(content)
    if isinstance(body, dict):
        for name in _ANSWERS:
            if name in body:
                return body[name]
    return body
