"""Whether the first line of a CSV file names columns, and with the separator that is read.

Names of columns go into evidence as they are. A first line that is a row, or a whole line taken for
one name, would put values of people there, and count and digest another table than the file holds.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "vertical bar", ",": "comma"}
_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?|\d\d:\d\d(:\d\d.*)?")
_SERIES = 3  # numbers at equal distance that are names, such as years or wavelengths
_SPECTRUM = 6  # rising numbers at any distance that are names


def assert_header(file: str, schema: pa.Schema, separator: str) -> None:
    """Raise InputError, without quoting a name, where the first line is no line of names.

    schema : of the file as it was read with `separator`.
    """
    for other, word in _SEPARATORS.items():
        alone = len(schema.names) == 1 or other in ";\t"
        if other != separator and alone and all(other in name for name in schema.names):
            raise InputError(
                f"{file} has another separator than is read",
                got=f"a {word} in the name of every column",
                expected=f"a {_SEPARATORS[separator]} between columns",
                next_step="write it with that separator, or as Parquet",
            )
    if _is_row(schema):
        raise InputError(
            f"{file} has no line of column names: its first line looks like a row",
            got=f"{len(schema.names)} columns, each named like one of its values",
            expected="the names of the columns in the first line",
            next_step="write the names above the rows, or pass the columns themselves",
        )


def _is_row(schema: pa.Schema) -> bool:
    """Whether each column that holds no text is named by such a value itself."""
    import pyarrow as pa

    numbers: list[float] = []
    typed = texts = 0
    for field in schema:
        if not field.name or pa.types.is_null(field.type):
            continue
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
            number = _number(field.name)
            if number is None:
                return False
            numbers.append(number)
        elif pa.types.is_temporal(field.type):
            if not _TIME.fullmatch(field.name):
                return False
        elif pa.types.is_boolean(field.type):
            if field.name.lower() not in ("true", "false"):
                return False
        else:
            texts += 1
            continue
        typed += 1
    return typed > 0 and not (len(numbers) == typed and _are_names(numbers, texts))


def _number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None


def _are_names(numbers: Sequence[float], texts: int) -> bool:
    """Whether numbers above the rows name columns: their places, years, wavelengths."""
    if not texts and list(numbers) in (
        list(range(len(numbers))),
        list(range(1, len(numbers) + 1)),
    ):
        return True
    steps = [after - before for before, after in itertools.pairwise(numbers)]
    if not steps or not all(math.isfinite(step) and step > 0 for step in steps):
        return False
    even = all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)
    return len(numbers) >= (_SERIES if even else _SPECTRUM)
