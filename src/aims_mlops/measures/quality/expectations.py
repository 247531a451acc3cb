"""Great Expectations, at arm's length: a suite on a frame, with counts only.

Its validator and pandas engine are used without a data context, so nothing is written or sent,
and the frame is not hashed twice, as a context does. All expectations on one column are evaluated
at once on a frame of that column: the engine copies the rows that have a value, with every
column that its frame has. docs/adr/0303 has the measurements. Results come back without values
of rows: unexpected values are not asked for, and observed values are kept only where they are
counts, shares or means over many rows.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.measures.quality.frame import Frames, type_names
from aims_mlops.measures.quality.suite import Expectation

if TYPE_CHECKING:
    import pandas as pd

# Aggregates over all rows; a minimum, a quantile or a most common value is a value of a row.
_OBSERVED = {
    "expect_table_row_count_to_be_between": "rows",
    "expect_table_row_count_to_equal": "rows",
    "expect_table_column_count_to_be_between": "columns",
    "expect_table_column_count_to_equal": "columns",
    "expect_column_unique_value_count_to_be_between": "distinct values",
    "expect_column_proportion_of_unique_values_to_be_between": "share of distinct values",
    "expect_column_proportion_of_non_null_values_to_be_between": "share of values",
    "expect_column_mean_to_be_between": "mean",
    "expect_column_stdev_to_be_between": "standard deviation",
    "expect_column_sum_to_be_between": "sum",
}
_NEEDS_ROWS = ("mean", "standard deviation", "sum")
_FEWEST_ROWS = 5
_TYPE_TESTS = ("expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list")
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_EXCEPTION = re.compile(r"^([A-Za-z_][A-Za-z0-9_.]{0,80}(?:Error|Exception))\b", re.MULTILINE)
_UNNAMED = " (no name) "  # for a column whose name is empty, which the library refuses
_PLACE = "aims_place"  # marks each expectation, because results come back in another order


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one expectation, in counts.

    status : pass, fail, or error (it could not be evaluated; `problem` says why).
    elements, missing, unexpected : rows looked at, without a value, against the expectation; None
        for an expectation about an aggregate, whose number is `observed` where it may be told.
    """

    expectation: Expectation
    status: Literal["pass", "fail", "error"]
    elements: int | None = None
    missing: int | None = None
    unexpected: int | None = None
    observed: float | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The expectation and its counts as JSON values, without row values."""
        return {
            "type": self.expectation.type,
            "column": self.expectation.column,
            "kwargs": told(self.expectation.kwargs),
            "severity": self.expectation.severity,
            "status": self.status,
            "element_count": self.elements,
            "missing_count": self.missing,
            "unexpected_count": self.unexpected,
            "observed": self.observed,
            "problem": self.problem,
        }


def told(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments without lists of values, which may name people or groups: their number."""
    found: dict[str, Any] = {}
    for key, value in kwargs.items():
        if key in ("column", "batch_id"):
            continue
        if value is None or isinstance(value, bool | int | float | str):
            found[key] = value
        elif isinstance(value, Sequence | set | frozenset) and key.endswith(("_list", "_set")):
            columns = key.startswith("column")
            found[key] = [str(v) for v in value] if columns else {"values": len(value)}
        elif isinstance(value, Sequence | Mapping | set | frozenset):
            found[key] = {"values": len(value)}
        else:
            found[key] = str(value)
    return found


def library_version() -> str:
    """The installed version; MissingExtraError without the library."""
    return str(_library().__version__)


def validate(frames: Frames, expectations: Sequence[Expectation]) -> list[Outcome]:
    """The outcome of every expectation, in their order.

    Raises InputError for an expectation that the library does not know or cannot take.
    """
    outcomes: dict[int, Outcome] = {}
    groups: dict[tuple[str, ...] | None, list[tuple[int, Expectation]]] = {}
    for place, expectation in enumerate(expectations):
        columns = columns_of(expectation)
        if columns is not None and not set(columns) <= set(frames.names):
            outcomes[place] = Outcome(
                expectation=expectation, status="fail", problem="no such column"
            )
        else:
            groups.setdefault(columns, []).append((place, expectation))
    for columns, asked in groups.items():
        if columns is None:
            frame = frames.of(frames.names)
        else:
            frame = frames.of(columns) if columns else frames.outline()
        with _quiet():
            configured = [_configured(place, e, frame) for place, e in asked]
            outcomes.update(_outcomes(asked, _results(frame, configured), frame))
    return [outcomes[place] for place in range(len(expectations))]


def columns_of(expectation: Expectation) -> tuple[str, ...] | None:
    """The columns that an expectation looks at; () for none of their values, None for any."""
    kwargs = expectation.kwargs
    if "row_condition" in kwargs:
        return None
    named = [str(kwargs[key]) for key in ("column", "column_A", "column_B") if key in kwargs]
    named.extend(map(str, kwargs.get("column_list") or ()))
    if not named and not expectation.type.startswith("expect_table_"):
        return None
    return tuple(dict.fromkeys(named))


def validate_batch(batch: Any, expectations: Sequence[Expectation]) -> list[Outcome]:
    """The same for a batch of Great Expectations' own, which may live in Spark or SQL."""
    asked = list(enumerate(expectations))
    with _quiet():
        suite = _library().ExpectationSuite("suite")
        suite.expectations = [_configured(place, e, None) for place, e in asked]
        found = batch.validate(suite, result_format=_RESULT_FORMAT)
        outcomes = _outcomes(asked, found.results, None)
    return [outcomes[place] for place in range(len(expectations))]


def _library() -> Any:
    try:
        with _quiet():  # it imports modules that Python has deprecated
            import great_expectations
    except ImportError as error:
        raise MissingExtraError(
            "measuring data quality", library="great_expectations", extra="quality"
        ) from error
    return great_expectations


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _results(frame: pd.DataFrame, configured: Sequence[Any]) -> Sequence[Any]:
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.validator.validator import Validator

    engine = PandasExecutionEngine()
    engine.load_batch_data("data", frame.rename(columns={"": _UNNAMED}))
    validator = Validator(execution_engine=engine)
    validator.metrics_calculator.show_progress_bars = False
    results: Sequence[Any] = validator.graph_validate(
        configurations=[expectation.configuration for expectation in configured],
        runtime_configuration={"result_format": _RESULT_FORMAT, "catch_exceptions": True},
    )
    return results


def _outcomes(
    asked: Sequence[tuple[int, Expectation]], results: Sequence[Any], frame: pd.DataFrame | None
) -> dict[int, Outcome]:
    by_place = dict(asked)
    found = {int(r.expectation_config.meta[_PLACE]): r for r in results}
    return {place: _outcome(by_place[place], result, frame) for place, result in found.items()}


def _configured(place: int, expectation: Expectation, frame: pd.DataFrame | None) -> Any:
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    configuration: Any = ExpectationConfiguration  # its severity is written as text
    try:
        return configuration(
            type=expectation.type,
            kwargs=_arguments(expectation, frame),
            severity=expectation.severity,
            meta={_PLACE: place},
        ).to_domain_obj()
    except ExpectationNotFoundError:
        raise InputError(
            f"unknown expectation {expectation.type!r}",
            expected="a type of the installed great_expectations, such as "
            "expect_column_values_to_not_be_null",
        ) from None
    except (ValueError, TypeError) as error:  # pydantic's errors are ValueErrors
        raise InputError(
            f"expectation {expectation.type} has arguments that it does not take",
            got=", ".join(sorted(expectation.kwargs)),
        ) from error


def _arguments(expectation: Expectation, frame: pd.DataFrame | None) -> dict[str, Any]:
    """The arguments; times written as text become times, which the library does not do.

    Nor does it take a column without a name, such as the index that pandas writes first.
    """
    kwargs = dict(expectation.kwargs)
    column = expectation.column
    if frame is None:
        return kwargs
    for key in ("column", "column_A", "column_B"):
        if kwargs.get(key) == "":
            kwargs[key] = _UNNAMED
    if "" in (kwargs.get("column_list") or ()):
        kwargs["column_list"] = [name or _UNNAMED for name in kwargs["column_list"]]
    if column is None:
        return kwargs
    import pandas as pd

    dtype = frame[column].dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        for key in ("min_value", "max_value"):
            if isinstance(kwargs.get(key), str):
                moment = pd.Timestamp(kwargs[key])
                zone = getattr(dtype, "tz", None)
                if zone is not None and moment.tz is None:
                    moment = moment.tz_localize("UTC")
                kwargs[key] = (moment if zone is None else moment.tz_convert(zone)).to_pydatetime()
    return kwargs


def _outcome(expectation: Expectation, result: Any, frame: pd.DataFrame | None) -> Outcome:
    raised = _raised(result.exception_info)
    if raised is not None:
        return Outcome(expectation=expectation, status="error", problem=raised)
    found = result.result or {}
    success = bool(result.success)  # NumPy's bool for quantiles
    if not success and frame is not None and expectation.type in _TYPE_TESTS:
        success = _type_by_name(expectation, frame, found)
    elements = found.get("element_count")
    unexpected = found.get("unexpected_count") if elements is not None else None
    observed = found.get("observed_value")
    what = _OBSERVED.get(expectation.type)
    tell = what is not None and isinstance(observed, int | float)
    if tell and what in _NEEDS_ROWS and frame is not None:
        tell = int(frame[expectation.column].count()) >= _FEWEST_ROWS
    return Outcome(
        expectation=expectation,
        status="pass" if success else "fail",
        elements=elements,
        missing=found.get("missing_count"),
        unexpected=unexpected,
        observed=float(observed) if tell and observed is not None else None,
    )


def _type_by_name(expectation: Expectation, frame: pd.DataFrame, found: Mapping[str, Any]) -> bool:
    if found.get("element_count") is not None:  # every value was looked at
        return False
    wanted = expectation.kwargs.get("type_list") or [expectation.kwargs.get("type_")]
    return not type_names(frame[expectation.column]).isdisjoint(map(str, wanted))


def _raised(information: Any) -> str | None:
    """The kind of the exception; its message may quote a value."""
    if not information:
        return None
    if "raised_exception" in information:
        entries = [information] if information["raised_exception"] else []
    else:
        entries = [e for e in information.values() if e.get("raised_exception")]
    for entry in entries:
        # The library wraps what happened; the innermost exception comes first.
        found = _EXCEPTION.search(str(entry.get("exception_traceback") or ""))
        return found[1].rpartition(".")[2] if found else "error"
    return None
