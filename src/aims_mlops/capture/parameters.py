"""Parameters of a run: plain values only, secrets scrubbed, everything else named and left out."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import decimal
import enum
import hashlib
import inspect
import math
import os
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from aims_mlops.capture.secrets import SCRUBBED, is_secret
from aims_mlops.capture.tables import is_table

_TEXT_LIMIT = 500  # characters; what is longer is kept as a digest
_SIZE_LIMIT = 1_000_000  # characters or bytes; what is larger is left out
_DEPTH_LIMIT = 5
_ITEM_LIMIT = 500  # values of one run
_SEQUENCE_LIMIT = 50  # items of one list

Scalar = str | int | float | bool | None


class Parameters:
    """What has been recorded: `values` {name: scalar}, `left_out` {name: why}.

    `refused` names those left out for their size or type, which the run reports as a gap;
    tables, models and functions are left out quietly, for they have evidence of their own.
    """

    def __init__(self) -> None:
        self.values: dict[str, Scalar] = {}
        self.left_out: dict[str, str] = {}
        self.refused: list[str] = []

    def add(self, name: str, value: object) -> None:
        """Record one value; containers of plain values become one entry an item."""
        self._add(name[:_TEXT_LIMIT], value, 0)

    def add_all(self, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            self.add(str(name), value)

    def _add(self, name: str, value: object, depth: int) -> None:
        if len(self.values) >= _ITEM_LIMIT:
            if "…" not in self.left_out:
                self._refuse("…", f"more than {_ITEM_LIMIT} values")
            return
        plain, value = _plain(value)
        if plain:
            self._add_plain(name, value)
        elif why := _why_elsewhere(value):
            self.left_out[name] = why
        elif depth >= _DEPTH_LIMIT:
            self._refuse(name, f"nested deeper than {_DEPTH_LIMIT} levels")
        elif (items := _items(value)) is not None:
            if is_secret(name, "x" * 16):  # {'credentials': {…}}: whatever is inside
                self.values[name] = SCRUBBED
            elif len(items) > _SEQUENCE_LIMIT and not isinstance(value, Mapping):
                self._refuse(name, f"{len(items)} items, more than {_SEQUENCE_LIMIT}")
            else:
                for key, item in items:
                    self._add(f"{name}.{key}"[:_TEXT_LIMIT], item, depth + 1)
        else:
            kind = type(value)
            self._refuse(name, f"a {kind.__module__}.{kind.__qualname__}, not a plain value")

    def _add_plain(self, name: str, value: Any) -> None:
        if isinstance(value, str) and len(value) > _SIZE_LIMIT:
            self._refuse(name, f"{len(value)} characters, more than {_SIZE_LIMIT}")
        elif is_secret(name, value):
            self.values[name] = SCRUBBED
        elif isinstance(value, str) and len(value) > _TEXT_LIMIT:
            digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
            self.values[name] = f"sha256:{digest} of {len(value)} characters"
        else:
            self.values[name] = value

    def _refuse(self, name: str, why: str) -> None:
        self.left_out[name] = why
        self.refused.append(name)


def call_arguments(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name, defaults included, without `self` and `cls`.

    Empty when they do not fit: the call itself will say so in the user's own traceback.
    """
    try:
        signature = inspect.signature(function)
        bound = signature.bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {}
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for index, (name, value) in enumerate(bound.arguments.items()):
        kind = signature.parameters[name].kind
        if index == 0 and name in ("self", "cls", "mcs"):
            continue
        if kind is inspect.Parameter.VAR_POSITIONAL:
            found.update({f"{name}.{i}": item for i, item in enumerate(value)})
        elif kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[name] = value
    return found


def _plain(value: Any) -> tuple[bool, Any]:
    """Whether a value is on the allow-list, and what JSON makes of it."""
    if value is None or isinstance(value, bool):
        return True, value
    if isinstance(value, enum.Enum):
        return True, f"{type(value).__name__}.{value.name}"
    if isinstance(value, str):
        return True, str(value).encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return True, int(value) if abs(value) < 2**53 else str(value)[:_TEXT_LIMIT]
    if isinstance(value, float):
        return True, float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, datetime.date | datetime.time):
        return True, value.isoformat()
    if isinstance(value, datetime.timedelta | decimal.Decimal | complex):
        return True, str(value)
    if isinstance(value, os.PathLike):
        return True, str(os.fspath(value))
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return _plain(value.item()) if type(value.item()) is not type(value) else (False, value)
    return False, value


def _items(value: Any) -> Sequence[tuple[str, Any]] | None:
    """The parts of a container of parameters; None if it is not one."""
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [(str(key), item) for key, item in value.items()]
    if isinstance(value, list | tuple | range):
        return [(str(i), value[i]) for i in range(min(len(value), _SEQUENCE_LIMIT + 1))]
    if isinstance(value, AbstractSet):
        return [(str(i), item) for i, item in enumerate(sorted(value, key=repr))]
    return None


def _why_elsewhere(value: object) -> str | None:
    if is_table(value):
        return "a table; recorded as a data set"
    if value is os.environ:
        return "the environment of the process"
    if isinstance(value, type) or inspect.isroutine(value):
        return f"the callable {getattr(value, '__qualname__', type(value).__name__)}"
    if callable(getattr(value, "predict", None)) or callable(getattr(value, "fit", None)):
        return f"a model of class {type(value).__module__}.{type(value).__qualname__}"
    return None
