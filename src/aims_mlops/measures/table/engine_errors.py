"""Errors of the libraries that hold a table, as ours: their messages quote values of the data."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from aims_mlops.errors import AimsError, InputError

P = ParamSpec("P")
R = TypeVar("R")

_ENGINES = frozenset(("pyarrow", "pandas", "polars", "duckdb", "narwhals"))


def measures_columns(measure: Callable[P, R]) -> Callable[P, R]:
    """A measure whose engine's errors come as InputError, with their class and without message."""

    @functools.wraps(measure)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return measure(*args, **kwargs)
        except AimsError:
            raise
        except Exception as error:
            if not _is_of_an_engine(error):
                raise
            problem = type(error).__name__
        raise InputError(
            "a column has values that cannot be grouped or read as numbers",
            got=problem,
            expected="labels, numbers, booleans or times of one type in each column",
            next_step="convert the column, such as with .astype(str)",
        )

    return guarded


def _is_of_an_engine(error: Exception) -> bool:
    """Whether the error, or a frame that it came through, belongs to such a library."""
    if type(error).__module__.partition(".")[0] in _ENGINES:
        return True
    trace = error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in _ENGINES:
            return True
        trace = trace.tb_next
    return False
