"""Labels of a column and how often each stands, counted by Arrow batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aims_mlops.measures.drift.samples.sample import CategorySample, NumericSample

MOST_LABELS = 1_000_000
_PIECES = 16  # batches counted on their own before they are put together


@dataclass
class LabelCounts:
    """Counts of labels so far; `keep_labels=False` counts lengths of texts only."""

    keep_labels: bool = True
    pieces: list[pa.Table] = field(default_factory=list)

    def add(self, array: pa.Array | pa.ChunkedArray) -> None:
        """Count a text or boolean array; nulls are not counted."""
        if pa.types.is_dictionary(array.type) and not self.keep_labels:
            array = array.cast(array.type.value_type)
        if not self.keep_labels:
            array = pc.utf8_length(array)
        counted = pc.value_counts(array)
        if isinstance(counted, pa.ChunkedArray):
            counted = counted.combine_chunks()
        labels = counted.field(0)
        if pa.types.is_dictionary(labels.type):
            labels = labels.dictionary_decode()
        if not pa.types.is_boolean(labels.type):  # texts, and with them lengths, have several types
            labels = labels.cast(pa.large_string() if self.keep_labels else pa.int64())
        piece = pa.table({"label": labels, "rows": counted.field(1)})
        if piece["label"].null_count:
            piece = piece.filter(pc.is_valid(piece["label"]))
        self.pieces.append(piece)
        if len(self.pieces) >= _PIECES:
            self.merge()

    def merge(self) -> pa.Table:
        """One table of labels and rows; texts too many to be labels become their lengths."""
        if len(self.pieces) > 1:
            grouped = pa.concat_tables(self.pieces).group_by("label", use_threads=False)
            summed = grouped.aggregate([("rows", "sum")])
            self.pieces = [pa.table({"label": summed["label"], "rows": summed["rows_sum"]})]
        table = self.pieces[0]
        if self.keep_labels and table.num_rows > MOST_LABELS:
            self.keep_labels = False
            self.pieces = [_lengths(table)]
            return self.merge()
        return table

    @property
    def share_different(self) -> float:
        """Different labels over rows; 1 once labels were given up."""
        if not self.keep_labels:
            return 1.0
        table = self.merge()
        rows = pc.sum(table["rows"]).as_py()
        return table.num_rows / rows if rows else 0.0

    def categories(self, missing: int) -> CategorySample:
        """The labels as a sample."""
        table = self.merge()
        labels = table["label"].to_pylist()
        if pa.types.is_boolean(table["label"].type):
            labels = ["true" if label else "false" for label in labels]
        return CategorySample(
            counts=dict(zip(map(str, labels), table["rows"].to_pylist(), strict=True)),
            missing=missing,
        )

    def lengths(self, missing: int) -> NumericSample:
        """Lengths of the texts in characters as a sample."""
        table = self.merge()
        if self.keep_labels:
            table = _lengths(table)
            grouped = table.group_by("label", use_threads=False).aggregate([("rows", "sum")])
            table = pa.table({"label": grouped["label"], "rows": grouped["rows_sum"]})
        values = table["label"].to_numpy().astype(np.float64)
        order = np.argsort(values)
        return NumericSample(
            values=values[order],
            counts=table["rows"].to_numpy().astype(np.int64)[order],
            missing=missing,
            integer=True,
            sorted=True,
        )


def _lengths(table: pa.Table) -> pa.Table:
    return pa.table({"label": pc.utf8_length(table["label"]), "rows": table["rows"]})
