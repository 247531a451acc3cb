"""Rows that occur in both of two datasets, such as training and test data, found by digest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.arrays import chunks_of
from aims_mlops.measures.fingerprint.column_digest import hasher_for
from aims_mlops.measures.fingerprint.row_digests import batch_row_digests
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.result import LeftOut, MeasureResult
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SOURCE = "aims-mlops: row digests of aims-table-v1"


def measure_leakage(
    train: Any,
    test: Any,
    *,
    columns: Sequence[str] | None = None,
    names: tuple[str, str] = ("train", "test"),
) -> MeasureResult:
    """The share of rows of `test` that occur in `train`, in [0, 1], with counts.

    train, test : any supported table; an index never counts.
    columns : which columns make two rows the same; those that both have unless given. Leave the
        label out to find rows that were labelled twice.
    Missing: two missing values are the same.
    Raises InputError if no column is shared, or a column's type differs between the two, because
    1 and 1.0 are different values to a digest.
    """
    first, second = open_table(train, index="ignore"), open_table(test, index="ignore")
    shared = [n for n in first.names if n in second.names] if columns is None else list(columns)
    if not shared:
        raise InputError(
            f"{names[0]} and {names[1]} share no column",
            got=f"{len(first.names)} and {len(second.names)} columns",
            expected="at least one column name in both",
        )
    left_out = tuple(
        LeftOut(what=f"column {name!r}", why="is in one of the two datasets only")
        for name in dict.fromkeys((*first.names, *second.names))
        if columns is None and name not in shared
    )
    digests, types = _read(first.select(shared))
    others, other_types = _read(second.select(shared))
    for name, one, other in zip(shared, types, other_types, strict=True):
        if one != other and "null" not in (one, other):
            raise InputError(
                f"column {name!r} has another type in {names[1]} than in {names[0]}",
                got=f"{one} and {other}",
                expected="one type",
                next_step="convert the column, or leave it out with columns=",
            )
    found = int(shared_rows(others, digests).sum())
    share = found / len(others) if len(others) else None
    return MeasureResult(
        kind="data-quality",
        figures=(
            Figure(
                measure="rows_shared",
                value=share,
                numerator=found,
                denominator=len(others),
                n=len(others),
                source=_SOURCE,
            ),
        ),
        settings={"columns": shared, "of": names[1], "in": names[0]},
        left_out=left_out,
    )


def shared_rows(
    digests: npt.NDArray[np.uint8], among: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Which of the (n, 32) row digests occur among the others."""
    import numpy as np

    # Eight bytes find the candidates quickly; all 32 decide.
    candidates = np.isin(_words(digests), _words(among))
    wanted = np.ascontiguousarray(digests[candidates]).view("S32").ravel()
    near = among[np.isin(_words(among), _words(digests))]
    found = candidates.copy()
    found[candidates] = np.isin(wanted, np.ascontiguousarray(near).view("S32").ravel())
    return found


def _words(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    import numpy as np

    return np.ascontiguousarray(digests[:, :8]).view("u8").ravel()


def _read(table: Table) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Row digests, and the type of each column ("null" where no batch says it)."""
    import numpy as np

    parts: list[npt.NDArray[np.uint8]] = []
    types = ["null"] * len(table.names)
    for batch in table.batches():
        parts.extend(batch_row_digests(batch))
        for place, column in enumerate(batch.columns):
            for chunk in chunks_of(column()):
                if chunk.null_count < len(chunk):
                    types[place] = hasher_for(chunk.type).type_name
    return (np.concatenate(parts) if parts else np.empty((0, 32), np.uint8)), types
