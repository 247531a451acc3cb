"""Data quality: a suite of expectations on one table, in counts, with Great Expectations."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.table_digest import fingerprint
from aims_mlops.measures.quality.expectations import (
    Outcome,
    library_version,
    validate,
    validate_batch,
)
from aims_mlops.measures.quality.frame import Frames
from aims_mlops.measures.quality.infer import default_suite, infer_suite
from aims_mlops.measures.quality.leakage import measure_leakage
from aims_mlops.measures.quality.own_expectations import check
from aims_mlops.measures.quality.suite import Expectation, Suite, duplicates, read_suite
from aims_mlops.measures.result.figure import Figure
from aims_mlops.measures.result.result import LeftOut, MeasureResult

__all__ = ["QualityResult", "infer_suite", "measure_quality"]

_NULLS = "expect_column_values_to_not_be_null"
_DUPLICATES = "expect_compound_columns_to_be_unique"


@dataclass(frozen=True, kw_only=True, repr=False)
class QualityResult(MeasureResult):
    """The outcome of a suite on one dataset.

    success : every expectation passed.  suite : the one that was used.
    outcomes : one for each expectation, in counts.  dataset : name, digest and rows.
    """

    suite: Suite
    outcomes: tuple[Outcome, ...]
    dataset: dict[str, Any]

    @property
    def success(self) -> bool:
        """Whether every expectation is met."""
        return all(outcome.status == "pass" for outcome in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """Figures, dataset, suite and outcomes as JSON values."""
        return {
            **super().to_dict(),
            "dataset": dict(self.dataset),
            "suite": {
                "name": self.suite.name,
                "origin": self.suite.origin,
                "sha256": self.suite.sha256,
                "expectations": len(self.suite.expectations),
            },
            "success": self.success,
            "expectations": [outcome.to_dict() for outcome in self.outcomes],
        }

    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes that did not pass."""
        return tuple(outcome for outcome in self.outcomes if outcome.status != "pass")

    def __repr__(self) -> str:
        failed = self.failed()
        head = (
            f"data quality of {self.dataset['name']}: "
            f"{len(self.outcomes) - len(failed)} of {len(self.outcomes)} expectations pass "
            f"(suite {self.suite.name}, {self.suite.origin})"
        )
        return "\n".join((head, *(f"  {line}" for line in map(_line, failed))))

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in map(_line, self.failed()))
        head = html.escape(repr(self).splitlines()[0])
        return f"<p><b>{head}</b></p>" + (f"<ul>{items}</ul>" if items else "")


def measure_quality(
    data: Any,
    suite: Any = None,
    *,
    reference: Any = None,
    disjoint_from: Any = None,
    name: str = "data",
    at: datetime | None = None,
) -> QualityResult:
    """Every expectation of a suite, evaluated at once, with counts and no values of rows.

    data : any supported table; a Parquet or Arrow file is read one column at a time, except for
        expectations over several columns. A batch of Great Expectations' own is taken too, for
        data that lives in Spark or SQL; it needs a suite.
    suite : a path to Great Expectations' JSON or to our short YAML, the same as a mapping, an
        ExpectationSuite, or a `Suite`; without one a default (docs/measures-quality.md).
    reference : earlier data; in place of a suite, one is inferred from it.
    disjoint_from : data that share no row with these, such as the training data of a test set.
    name : what to call the dataset.  at : the time that ages are counted to; now by default.
    Missing values count against `expect_column_values_to_not_be_null` and nothing else.
    Raises InputError for unusable data or suite, MissingExtraError without great_expectations.
    """
    if suite is not None and reference is not None:
        raise InputError(
            "both a suite and a reference are given",
            expected="one of them",
            next_step="pass suite=infer_suite(reference) and edit it",
        )
    version = library_version()
    left_out: tuple[LeftOut, ...] = ()
    if type(data).__module__.startswith("great_expectations."):
        used, outcomes = _of_batch(data, suite)
        dataset: dict[str, Any] = {"name": name, "sha256": None, "rows": None}
    else:
        if hasattr(data, "read_all"):  # a stream, which can be read once only
            data = data.read_all()
        frames = Frames(data)
        if suite is not None:
            given = read_suite(suite)
        else:
            given = default_suite(frames) if reference is None else infer_suite(reference)
        used = _with_columns(given, frames)
        left_out = _not_compared(used, frames)
        outcomes = _evaluate(frames, used, at or datetime.now(UTC))
        digest = fingerprint(data)
        dataset = {"name": name, "sha256": digest.sha256, "rows": digest.rows}
    figures = [figure for outcome in outcomes for figure in _figures(outcome, version)]
    if disjoint_from is not None:
        leakage = measure_leakage(disjoint_from, data, names=("disjoint_from", name))
        figures.extend(leakage.figures)
        left_out += leakage.left_out
        outcomes = [*outcomes, _leakage_outcome(leakage.figures[0])]
    return QualityResult(
        kind="data-quality",
        figures=tuple(figures),
        settings={"at": (at or datetime.now(UTC)).isoformat()} if _has_age(used) else {},
        libraries={"great_expectations": version, "aims-mlops": metadata.version("aims-mlops")},
        left_out=left_out,
        suite=used,
        outcomes=tuple(outcomes),
        dataset=dataset,
    )


def _with_columns(suite: Suite, frames: Frames) -> Suite:
    """Duplicates over all columns get the list of those that can be compared."""
    if all(e.type != _DUPLICATES or e.kwargs.get("column_list") for e in suite.expectations):
        return suite
    listed = frames.comparable
    if not listed:
        raise InputError(
            "no column can be compared to find repeated rows", expected="a column without lists"
        )
    found = []
    for e in suite.expectations:
        if e.type == _DUPLICATES and not e.kwargs.get("column_list"):
            whole = duplicates(listed, 1 - float(e.kwargs.get("mostly", 1)))
            e = Expectation(whole.type, whole.kwargs, e.severity)
        found.append(e)
    return Suite(suite.name, tuple(found), suite.origin)


def _not_compared(suite: Suite, frames: Frames) -> tuple[LeftOut, ...]:
    if suite.origin == "given" and all(e.type != _DUPLICATES for e in suite.expectations):
        return ()
    if len(frames.comparable) == len(frames.names):
        return ()
    return tuple(
        LeftOut(what=f"column {name!r} in the comparison of rows", why="holds lists or records")
        for name in frames.names
        if name not in frames.comparable
    )


def _evaluate(frames: Frames, suite: Suite, at: datetime) -> list[Outcome]:
    theirs = [e for e in suite.expectations if not e.type.startswith("aims_")]
    found = iter(validate(frames, theirs))
    return [
        check(frames, e, at) if e.type.startswith("aims_") else next(found)
        for e in suite.expectations
    ]


def _of_batch(batch: Any, suite: Any) -> tuple[Suite, list[Outcome]]:
    if suite is None:
        raise InputError("a batch of Great Expectations needs a suite", next_step="pass suite=")
    used = read_suite(suite)
    ours = [e.type for e in used.expectations if e.type.startswith("aims_")]
    if ours:
        raise InputError(f"{ours[0]} cannot be checked on a batch", expected="expect_… only")
    return used, validate_batch(batch, used.expectations)


def _has_age(suite: Suite) -> bool:
    return any(e.type == "aims_newest_row_age" for e in suite.expectations)


def _figures(outcome: Outcome, version: str) -> Sequence[Figure]:
    """The share of unexpected values, or the observed aggregate, of one expectation."""
    kind = outcome.expectation.type
    ours = kind.startswith("aims_")
    column = outcome.expectation.column
    group = None if column is None else {"column": column}
    source = "aims-mlops: " if ours else f"great_expectations {version}: "
    measure = kind.removeprefix("aims_")
    if outcome.unexpected is not None and outcome.elements is not None and not ours:
        # A rule on values is held against those that are there, as `mostly` is.
        held = outcome.elements - (0 if kind == _NULLS else outcome.missing or 0)
        return [
            Figure(
                measure=measure,
                group=group,
                value=outcome.unexpected / held if held else None,
                numerator=outcome.unexpected,
                denominator=held,
                n=outcome.elements,
                source=source + kind,
            )
        ]
    if outcome.observed is not None:
        present = None
        if outcome.elements is not None:
            present = outcome.elements - (outcome.missing or 0)
        return [
            Figure(
                measure=measure,
                group=group,
                value=outcome.observed,
                n=present,
                source=source + kind,
            )
        ]
    return []


def _leakage_outcome(figure: Figure) -> Outcome:
    found = int(figure.numerator or 0)
    return Outcome(
        expectation=Expectation("aims_rows_shared", {}),
        status="fail" if found else "pass",
        elements=figure.n,
        unexpected=found,
    )


def _line(outcome: Outcome) -> str:
    of = outcome.expectation
    where = "" if of.column is None else f" {of.column}"
    if outcome.problem is not None:
        return f"{outcome.status}: {of.type}{where}: {outcome.problem}"
    if outcome.unexpected is not None:
        return (
            f"{outcome.status}: {of.type}{where}: {outcome.unexpected} of {outcome.elements} rows"
        )
    observed = "" if outcome.observed is None else f": {outcome.observed:.4g}"
    return f"{outcome.status}: {of.type}{where}{observed}"
