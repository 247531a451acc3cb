"""What of a table can be read, where some of its columns cannot."""

from __future__ import annotations

from collections import Counter
from typing import Any

from aims_mlops.errors import AimsError, InputError
from aims_mlops.measures.fingerprint.arrays import chunks_of
from aims_mlops.measures.fingerprint.column_digest import ColumnHasher, hasher_for
from aims_mlops.measures.table.opening import open_table
from aims_mlops.measures.table.table import Table


def without_odd_columns(data: Any) -> tuple[Table, dict[str, str]]:
    """The table without the columns that have no digest, and why each of them has none.

    Odd are columns that mix types or have one that no table has (periods, complex numbers, sets,
    Python objects), and all that share a name. The reasons hold no value.
    Raises InputError for what is no table, and where no column is left.
    """
    table = open_table(data, repeated_names=True)
    odd = {
        name: f"column name {name!r} occurs more than once"
        for name, count in Counter(table.names).items()
        if count > 1
    }
    hashers: dict[int, ColumnHasher] = {}
    for batch in table.batches():
        for place, name in enumerate(table.names):
            if name not in odd and (why := _why_odd(hashers, place, batch.columns[place])):
                odd[name] = why
    kept = [name for name in table.names if name not in odd]
    if not kept:
        raise InputError(
            "no column of the table can be read: " + "; ".join(_in_words(odd)[:3]),
            got=f"{len(odd)} odd columns",
            expected="one type in each column, and a name of its own",
        )
    return table.select(kept), odd


def _why_odd(hashers: dict[int, ColumnHasher], place: int, column: Any) -> str | None:
    try:
        for chunk in chunks_of(column()):
            hasher = hashers.get(place)
            if hasher is None:
                hasher = hashers[place] = hasher_for(chunk.type)
                hasher.arrow_type = chunk.type
            elif chunk.type != hasher.arrow_type:
                return f"its type changes from {hasher.arrow_type} to {chunk.type}"
            hasher.update(chunk)
    except AimsError as error:
        got = f"; got {error.got}" if error.got else ""
        return f"{error.thing}{got}"
    except Exception as error:  # noqa: BLE001  whatever a library says of a column may quote it
        return f"it cannot be read ({type(error).__name__})"
    return None


def _in_words(odd: dict[str, str]) -> list[str]:
    return [why if repr(name) in why else f"column {name!r}: {why}" for name, why in odd.items()]


def in_words(odd: dict[str, str]) -> str:
    """The odd columns and why, the first five in full."""
    words = _in_words(odd)
    more = f"; and {len(words) - 5} more" if len(words) > 5 else ""
    return "; ".join(words[:5]) + more
