"""Drift of a batch against a reference: Evidently's figures, and verdicts that can be signed."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.column import ColumnMeasured, Role, details, measure_column
from aims_mlops.measures.drift.distribution import distribution
from aims_mlops.measures.drift.figures import column_figures, dataset_figures
from aims_mlops.measures.drift.methods.choice import MethodNames, check_methods, methods_for
from aims_mlops.measures.drift.performance import (
    PerformanceDrift,
    RowScores,
    performance_drift,
    score_rows,
)
from aims_mlops.measures.drift.reference import ReferenceProfile
from aims_mlops.measures.drift.reference_blob import digested
from aims_mlops.measures.drift.samples.read_columns import ColumnRead, TableRead, read_columns
from aims_mlops.measures.drift.samples.sample import CategorySample, Kind, Sample, empty_like
from aims_mlops.measures.drift.schema import Finding, schema_findings
from aims_mlops.measures.drift.verdict import Judged, Rules, Verdict, judge, overall
from aims_mlops.measures.result.libraries import versions_of
from aims_mlops.measures.result.result import LeftOut, MeasureResult
from aims_mlops.measures.threads import threads

_COLUMNS_SHOWN = 20  # of a repr; .columns has all


@dataclass(frozen=True, kw_only=True, repr=False)
class DriftResult(MeasureResult):
    """Drift by column and as a whole; `extra` is what the evidence's body says beside figures."""

    @property
    def verdict(self) -> Verdict:
        """`drift`, `no drift` or `insufficient`, of the batch as a whole."""
        return self.extra["verdict"]  # type: ignore[no-any-return]

    @property
    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """By column: role, kind, method, effect, threshold, p-values, counts, verdict, reason."""
        return self.extra["columns"]  # type: ignore[no-any-return]

    @property
    def drifted(self) -> tuple[str, ...]:
        """Columns whose verdict is `drift`, in order."""
        return tuple(n for n, entry in self.columns.items() if entry["verdict"] == "drift")

    @property
    def findings(self) -> tuple[Mapping[str, Any], ...]:
        """Missing, new and retyped columns, and what could not be measured."""
        return tuple(self.extra["findings"])

    def __repr__(self) -> str:
        lines = [f"verdict: {self.verdict}"]
        order = {"drift": 0, "insufficient": 1, "no drift": 2}
        columns = sorted(self.columns.items(), key=lambda item: order[item[1]["verdict"]])
        for name, entry in columns[:_COLUMNS_SHOWN]:
            lines.append(f"  {name}: {entry['verdict']}; {entry['reason']}")
        if len(columns) > _COLUMNS_SHOWN:
            lines.append(f"  … {len(columns) - _COLUMNS_SHOWN} more: .columns")
        return "\n".join((*lines, super().__repr__()))

    def _repr_html_(self) -> str:
        return f"<p><b>verdict: {html.escape(self.verdict)}</b></p>{super()._repr_html_()}"


def measure_drift(
    reference: Any,
    current: Any,
    *,
    methods: MethodNames | Mapping[str, MethodNames] | None = None,
    columns: Sequence[str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    threshold: float | Mapping[str, float] | None = None,
    target: str | None = None,
    prediction: str | None = None,
    false_discovery_rate: float = 0.01,
    minimum_rows: int = 30,
    missing_threshold: float = 0.05,
    performance_threshold: float = 0.05,
) -> DriftResult:
    """Figures and verdicts for every column that both sides have.

    reference : a table, or a ReferenceProfile.  current : a table; lists of tables count as one.
    methods : see `drift_choice.methods_for`; by default those of the profile, else Wasserstein for
        numbers and Jensen-Shannon for labels, at any number of rows; "evidently" for its choice.
    columns : which ones, beside target and prediction; all by default, and only then are new
        columns looked for.  kinds : how to measure some; pinned by a profile.
    threshold : limit of the effect, for all or by method; Evidently's by default.
    target, prediction : columns with these roles; an absent target is labels that come late.
    false_discovery_rate, minimum_rows, missing_threshold : see `drift_verdict.Rules`.
    performance_threshold : see `drift_performance.performance_drift`; with target and prediction,
        rows that have a label are scored on both sides.
    Raises InputError for names that are not there, unknown methods and tables without rows.
    Source: evidently 0.7 for figures; docs/measures-drift.md for verdicts.
    """
    profile = reference if isinstance(reference, ReferenceProfile) else None
    if profile is not None:
        if kinds:
            raise InputError(
                "kinds are pinned by the reference profile",
                next_step="give them to build_reference_profile",
            )
        methods = profile.methods if methods is None else methods
        target = target or profile.body["target"]
        prediction = prediction or profile.body["prediction"]
        before = TableRead(profile.rows, profile.columns)
    # In the order asked for, each once; target and prediction always.
    roles = [name for name in (target, prediction) if name]
    only = None if columns is None else tuple(dict.fromkeys([*columns, *roles]))
    if profile is None:
        before = read_columns(reference, only=only, kinds=kinds)
    if not before.rows:
        raise InputError("the reference has no rows", expected="at least one")
    pinned = {n: c.kind for n, c in before.columns.items() if c.kind is not None}
    after = read_columns(current, only=only, kinds=pinned)
    if not after.rows:
        raise InputError("the batch has no rows", expected="at least one")
    _check_names(columns, before, "columns")
    for role, name in (("target", target), ("prediction", prediction)):
        _check_names([name] if name else None, before, role)
    chosen = tuple(before.columns) if only is None else tuple(only)
    check_methods(methods, tuple(before.columns))
    rules = Rules(
        false_discovery_rate=false_discovery_rate,
        minimum_rows=minimum_rows,
        missing_threshold=missing_threshold,
    )
    thresholds = _thresholds(threshold)
    findings, comparable = schema_findings(before, after, chosen, columns is None, target)

    def measured(name: str) -> ColumnMeasured:
        first, second = before.columns[name], after.columns[name]
        kind = first.kind
        assert kind is not None
        role: Role = (
            "target" if name == target else "prediction" if name == prediction else "feature"
        )
        return measure_column(
            name,
            role,
            kind,
            first.family,
            _same_form(first, second, after.rows),
            methods_for(name, kind, methods),
            thresholds,
        )

    with ThreadPoolExecutor(max_workers=threads()) as pool:
        results = list(pool.map(measured, comparable))
    judged = judge(results, rules)
    performance = None
    if target and prediction and {target, prediction} <= set(comparable):
        scored = _reference_scores(reference, target, prediction, pinned)
        late = score_rows(current, target, prediction, pinned)
        if late.rows != after.rows or scored.rows != before.rows:
            raise InputError(
                "a stream can be read once, and performance needs a second reading",
                next_step="pass a table or a path",
            )
        performance = performance_drift(scored, late, rules, performance_threshold)
    return _result(
        results,
        judged,
        findings,
        performance,
        before=before,
        after=after,
        profile=profile,
        settings={
            "methods": methods,
            "columns": columns,
            "threshold": threshold,
            "target": target,
            "prediction": prediction,
            "false_discovery_rate": false_discovery_rate,
            "minimum_rows": minimum_rows,
            "missing_threshold": missing_threshold,
            "performance_threshold": performance_threshold,
        },
    )


def _reference_scores(
    reference: Any, target: str, prediction: str, kinds: Mapping[str, Kind]
) -> RowScores:
    if not isinstance(reference, ReferenceProfile):
        return score_rows(reference, target, prediction, kinds)
    kept = reference.body["performance"]
    if kept is None or (target, prediction) != (
        reference.body["target"],
        reference.body["prediction"],
    ):
        raise InputError(
            "the reference profile knows no performance for this target and prediction",
            next_step="build it with target= and prediction=",
        )
    return RowScores(**kept)


def _check_names(names: Sequence[str] | None, read: TableRead, argument: str) -> None:
    for name in names or ():
        if name not in read.columns:
            raise InputError(
                f"{argument} names no column of the reference",
                got=repr(name),
                expected=f"one of its {len(read.columns)} columns",
            )


def _thresholds(threshold: float | Mapping[str, float] | None) -> dict[str, float]:
    from aims_mlops.measures.drift.methods.catalogue import METHODS
    from aims_mlops.measures.drift.methods.choice import EMBEDDING_METHODS

    if threshold is None:
        return {}
    known = (*METHODS, *EMBEDDING_METHODS)
    given = threshold if isinstance(threshold, Mapping) else dict.fromkeys(known, threshold)
    for method, limit in given.items():
        if method not in known or not limit > 0:
            raise InputError(
                "threshold must be above 0, for a method",
                got=f"{method!r}: {limit!r}",
                expected=", ".join(known),
            )
    return {method: float(limit) for method, limit in given.items()}


def _same_form(first: ColumnRead, second: ColumnRead, rows: int) -> tuple[Sample, Sample]:
    """Both samples; with digests of labels on both sides if one side has only digests."""
    before, after = first.sample, second.sample
    assert before is not None  # schema_findings left the others out
    if after is None:  # every value of the batch is missing
        return before, empty_like(before, rows)
    if (
        isinstance(before, CategorySample)
        and isinstance(after, CategorySample)
        and (before.digested or after.digested)
    ):
        return digested(before), digested(after)
    return before, after


def _result(
    results: Sequence[ColumnMeasured],
    judged: Sequence[Judged],
    findings: Sequence[Finding],
    performance: PerformanceDrift | None,
    *,
    before: TableRead,
    after: TableRead,
    profile: ReferenceProfile | None,
    settings: Mapping[str, Any],
) -> DriftResult:
    libraries = versions_of("evidently", "scipy", "numpy", "pyarrow")
    columns: dict[str, Any] = {}
    figures = []
    for column, verdict in zip(results, judged, strict=True):
        columns[column.name] = details(column) | {
            "adjusted_p_value": verdict.adjusted,
            "missing_adjusted_p_value": verdict.missing_adjusted,
            "infinite_adjusted_p_value": verdict.infinite_adjusted,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "rows_needed": verdict.needed,
        }
        if verdict.verdict == "drift":
            shape = distribution(column.reference, column.current)
            columns[column.name] |= {"distribution": shape}
        figures += column_figures(column, verdict)
    required = [v for c, v in zip(results, judged, strict=True) if c.role != "feature"]
    whole = overall(judged, schema_drift=any(f.raises for f in findings), required=required)
    figures += dataset_figures([entry.verdict for entry in judged])
    if performance is not None:
        figures += performance.figures()
        if performance.verdict == "drift" or whole == "no drift":
            whole = performance.verdict
    return DriftResult(
        kind="drift",
        figures=tuple(figures),
        settings=settings,
        libraries=libraries,
        left_out=tuple(LeftOut(what=f.column, why=f.text) for f in findings if f.unmeasured),
        notes=tuple(f"{f.column}: {f.text}" for f in findings),
        extra={
            "verdict": whole,
            "columns": columns,
            "methods": {column.name: column.method for column in results},
            "findings": [finding.to_dict() for finding in findings],
            "performance": None if performance is None else performance.to_dict(),
            "reference": {
                "rows": before.rows,
                "sha256": None if profile is None else profile.sha256,
                "variant": None if profile is None else profile.variant,
            },
            "current": {"rows": after.rows},
        },
    )
