"""What is kept of a system's predictions: `inference` of a system in aims.yaml."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from aims_mlops.documents.problems import Section

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Edges = Annotated[tuple[float, ...], Field(min_length=1, max_length=1000)]

SIX_MONTHS_DAYS = 183


class Inference(Section):
    """Where predictions are logged, and how much of each.

    folder : relative to aims.yaml, or a URL that fsspec writes; Parquet files by system and day.
    allow : features that are kept as they are.  hash : those of which a keyed hash is kept.
    bucket : numbers of which only the interval between these edges is kept. A feature that none of
        the three names is left out.
    sample : share of requests that are kept, chosen by a hash of `seed` and the request id.
    retention_days : how long `aims inference prune` leaves them.
    queue_rows, queue_megabytes : how much waits in memory at most; more is dropped and counted.
    flush_seconds : from a prediction to its file, at most, as long as the folder can be written.
    evidence_seconds : between two records that say what was written and what was dropped.
    """

    folder: Text = ".aims/inference"
    allow: tuple[Text, ...] = ()
    hash: tuple[Text, ...] = ()
    bucket: dict[Text, Edges] = Field(default_factory=dict)
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[str, StringConstraints(max_length=1000)] = ""
    retention_days: Annotated[int, Field(ge=1)] = SIX_MONTHS_DAYS
    queue_rows: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000
    queue_megabytes: Annotated[float, Field(gt=0, le=100_000)] = 256.0
    flush_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    evidence_seconds: Annotated[float, Field(gt=0, le=86_400)] = 3600.0

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        names = [*self.allow, *self.hash, *self.bucket]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"feature {twice[0]!r} is named twice under allow, hash and bucket")
        for name, edges in self.bucket.items():
            if any(low >= high for low, high in pairwise(edges)):
                raise ValueError(f"edges of bucket {name!r} do not rise")
        return self
