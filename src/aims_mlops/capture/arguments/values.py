"""What a value of a run is: plain, a container of values, data, or something of its own kind.

Data are values that stand for rows: columns, records, long lists, text that is no identifier. They
are recorded as a dataset or as a digest with a count, never as they are.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import decimal
import enum
import hashlib
import inspect
import json
import math
import os
import types
from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from aims_mlops.evidence.personal import is_identifier, name_of_code

HANDFUL = 5  # texts of a list that are parameters; more are data
NUMBERS = 8  # the same for numbers: sizes of layers, a grid
DATASET_ROWS = 50  # from here on data are a dataset, below they are a digest and a count
TEXT_LIMIT = 500  # characters
_SAFE_TO_DIGEST = 64  # characters: who guesses a shorter text could confirm it by its digest
_LEAVES_LIMIT = 1_000_000  # values of one container
DEPTH_LIMIT = 5  # containers inside each other

Scalar = str | int | float | bool | None


class NotPlain(Exception):  # noqa: N818  says what was met, for nobody but this package
    """A container holds something that is neither plain nor a container of plain values."""


def plain_value(value: Any) -> tuple[bool, Any]:
    """Whether a value is on the allow-list, and what JSON makes of it."""
    if value is None or isinstance(value, bool):
        return True, value
    if isinstance(value, enum.Enum):
        return True, f"{type(value).__name__}.{value.name}"
    if isinstance(value, str):
        return True, str(value).encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return True, int(value) if abs(value) < 2**53 else str(value)[:TEXT_LIMIT]
    if isinstance(value, float):
        return True, float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, datetime.date | datetime.time):
        return True, value.isoformat()
    if isinstance(value, datetime.timedelta | decimal.Decimal | complex):
        return True, str(value)
    if isinstance(value, os.PathLike):
        return True, str(os.fspath(value))
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return (
            plain_value(value.item()) if type(value.item()) is not type(value) else (False, value)
        )
    return False, value


def is_text(value: Any) -> bool:
    """Whether a person may have written it, so that it must be an identifier to be kept."""
    return isinstance(value, str | os.PathLike | enum.Enum)


def mapping_of(value: Any) -> Mapping[Any, Any] | None:
    """The named parts of a mapping, data class, named tuple or namespace; None if it is none."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, argparse.Namespace | types.SimpleNamespace):
        return vars(value)
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        names: Sequence[str] = [field.name for field in dataclasses.fields(value)]
    elif isinstance(value, tuple) and isinstance(getattr(value, "_fields", None), tuple):
        return dict(zip(value._fields, value, strict=False))  # type: ignore[attr-defined]
    elif isinstance(attributes := getattr(type(value), "__attrs_attrs__", None), tuple):
        names = [attribute.name for attribute in attributes]
    elif isinstance(fields := getattr(type(value), "model_fields", None), dict):
        names = list(fields)
    else:
        return None
    return {name: getattr(value, name, None) for name in names}


def sequence_of(value: Any) -> Sequence[Any] | None:
    """The items of a list, tuple, range, queue, view or set; None if it is none."""
    if isinstance(value, list | tuple | range):
        return value
    if isinstance(value, AbstractSet):
        return sorted(value, key=repr)
    if isinstance(value, deque) or type(value).__name__ in ("dict_values", "dict_keys"):
        return list(value)
    return None


def content_of(value: Any, depth: int = 0) -> Any:
    """A container of plain values as JSON; raises NotPlain for what holds anything else.

    depth : how many containers it lies in itself.
    """
    return _content(value, depth, [_LEAVES_LIMIT])


def _content(value: Any, depth: int, left: list[int]) -> Any:
    plain, kept = plain_value(value)
    if plain:
        left[0] -= 1
        if left[0] < 0:
            raise NotPlain
        return kept
    if depth >= DEPTH_LIMIT:
        raise NotPlain
    if (named := mapping_of(value)) is not None:
        return {str(key): _content(item, depth + 1, left) for key, item in named.items()}
    if (items := sequence_of(value)) is not None:
        return [_content(item, depth + 1, left) for item in items]
    raise NotPlain


def is_data(value: Any, content: Any) -> bool:
    """Whether a container of plain values stands for rows.

    value : the container.  content : the same from `content_of`.
    """
    if isinstance(content, list):
        return _is_list_of_data(content)
    if not content:
        return False
    if isinstance(value, Mapping):
        if any(not is_identifier(key) for key in content):
            return True
        if len(content) > HANDFUL and not any(isinstance(key, str) for key in value):
            return True
    if not all(isinstance(item, list) for item in content.values()):
        return False
    lengths = {len(item) for item in content.values()}
    numbers = all(_is_number(one) for item in content.values() for one in item)
    grid = len(lengths) > 1 or lengths <= {0, 1}  # columns are of one length
    return not (grid and numbers)


def _is_list_of_data(content: list[Any]) -> bool:
    if any(isinstance(item, list | dict) for item in content):
        return True
    if all(map(_is_number, content)):
        return len(content) > NUMBERS
    if len(content) > HANDFUL:
        return True
    return any(isinstance(item, str) and not is_identifier(item) for item in content)


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float)


def columns_of(content: Any) -> dict[str, list[Any]] | None:
    """Data as columns of one length, None where it has no such form: {name: values}.

    content : a mapping of columns, a list of records (mappings or sequences) or of plain values.
    """
    if isinstance(content, dict):
        columns = content
    elif not any(isinstance(item, list | dict) for item in content):
        columns = {"0": content}
    elif all(isinstance(item, dict) for item in content):
        names = dict.fromkeys(name for item in content for name in item)
        columns = {name: [item.get(name) for item in content] for name in names}
    elif all(isinstance(item, list) and len(item) == len(content[0]) for item in content):
        columns = {str(i): [item[i] for item in content] for i in range(len(content[0]))}
    else:
        return None
    fit = all(
        isinstance(column, list) and not any(isinstance(one, list | dict) for one in column)
        for column in columns.values()
    )
    lengths = {len(column) for column in columns.values()} if fit else set()
    return columns if len(lengths) == 1 else None


def in_short(content: Any, count: int, what: str) -> str:
    """What is said of data: its digest, if nobody can find the data by trying, and its size."""
    text = content if isinstance(content, str) else json.dumps(content, sort_keys=True)
    if len(text) < _SAFE_TO_DIGEST:
        return f"[data: {count} {what}, not recorded]"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest} of {count} {what}"


def why_elsewhere(value: object) -> str | None:
    """Why a value is no parameter though nothing is missing without it; None if it is one."""
    if value is os.environ:
        return "the environment of the process"
    if isinstance(value, type) or inspect.isroutine(value):
        return f"the callable {name_of_code(value)}"
    if callable(getattr(value, "predict", None)) or callable(getattr(value, "fit", None)):
        return f"a model of class {name_of_code(type(value), module=True)}"
    return None
