"""From measured columns to verdicts: size decides, evidence confirms, too little data says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aims_mlops.errors import InputError
from aims_mlops.measures.drift.column import ColumnMeasured
from aims_mlops.measures.drift.methods.significance import rows_needed
from aims_mlops.measures.statistics.multiple_testing import adjusted_p_values

Verdict = Literal["drift", "no drift", "insufficient"]

_ROOT_METHODS = ("wasserstein", "jensenshannon")  # shrink with the root of the number of rows
_STRICT_METHODS = ("ratio", "distance")  # Evidently's embedding methods: strictly above


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the verdicts hold columns against.

    false_discovery_rate : largest expected share of false alarms among the columns that alarm.
    minimum_rows : fewest rows with a value, on each side.
    missing_threshold : change of the share of missing, or of infinite, values that counts.
    """

    false_discovery_rate: float = 0.01
    minimum_rows: int = 30
    missing_threshold: float = 0.05

    def __post_init__(self) -> None:
        for name, given, fits, expected in (
            (
                "false_discovery_rate",
                self.false_discovery_rate,
                0 < self.false_discovery_rate < 1,
                "a share between 0 and 1",
            ),
            ("minimum_rows", self.minimum_rows, self.minimum_rows >= 2, "2 or more"),
            (
                "missing_threshold",
                self.missing_threshold,
                0 < self.missing_threshold <= 1,
                "a share above 0",
            ),
        ):
            if not fits:
                raise InputError(f"{name} is out of bounds", got=repr(given), expected=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Verdict of one column, in words, with the p-value adjusted over all columns.

    needed : rows on each side at which chance would give half the threshold; for `insufficient`.
    """

    verdict: Verdict
    reason: str
    adjusted: float | None
    missing_adjusted: float | None = None
    infinite_adjusted: float | None = None
    needed: int | None = None


def judge(columns: Sequence[ColumnMeasured], rules: Rules) -> list[Judged]:
    """One verdict per column.

    All tests of all columns, those of missing and infinite values included, form one family for
    Benjamini-Hochberg.
    """
    tests = [column.test.p_value for column in columns if column.test is not None]
    missing = [column.missing_test for column in columns if column.missing_test is not None]
    infinite = [column.infinite_test for column in columns if column.infinite_test is not None]
    adjusted = iter(adjusted_p_values([*tests, *missing, *infinite]))
    by_value = [None if column.test is None else next(adjusted) for column in columns]
    by_missing = [None if column.missing_test is None else next(adjusted) for column in columns]
    by_infinite = [None if column.infinite_test is None else next(adjusted) for column in columns]
    return [
        replace(_judge(column, p_value, p_missing, p_infinite, rules), infinite_adjusted=p_infinite)
        for column, p_value, p_missing, p_infinite in zip(
            columns, by_value, by_missing, by_infinite, strict=True
        )
    ]


def _judge(
    column: ColumnMeasured,
    adjusted: float | None,
    missing: float | None,
    infinite: float | None,
    rules: Rules,
) -> Judged:
    for what, p_value, (before, after) in (
        ("missing", missing, column.missing_shares),
        ("infinite", infinite, column.infinite_shares),
    ):
        if (
            p_value is not None
            and p_value <= rules.false_discovery_rate
            and abs(after - before) >= rules.missing_threshold
        ):
            reason = f"{what} values went from {before:.1%} to {after:.1%} of rows"
            return Judged(
                verdict="drift", reason=reason, adjusted=adjusted, missing_adjusted=missing
            )
    n, m = column.reference.n, column.current.n
    if min(n, m) < rules.minimum_rows or column.effect is None or adjusted is None:
        return Judged(
            verdict="insufficient",
            reason=f"{min(n, m)} rows with a value on the smaller side, of {rules.minimum_rows}",
            adjusted=adjusted,
            missing_adjusted=missing,
            needed=rules.minimum_rows,
        )
    size = f"{column.effect_method} {column.effect:.3g} against {column.threshold:.3g}"
    strict = column.effect_method in _STRICT_METHODS
    large = column.effect > column.threshold if strict else column.effect >= column.threshold
    if large and adjusted <= rules.false_discovery_rate:
        return Judged(
            verdict="drift",
            reason=f"{size}, p {adjusted:.2g} over all columns",
            adjusted=adjusted,
            missing_adjusted=missing,
        )
    noisy = column.chance is not None and column.chance >= column.threshold
    if large or noisy:
        needed = None
        if column.chance is not None and column.chance > 0:
            root = column.effect_method in _ROOT_METHODS
            needed = rows_needed(column.chance, column.threshold, n, m, root=root)
        return Judged(
            verdict="insufficient",
            reason=f"{size}, which chance explains (p {adjusted:.2g} over all columns)"
            if large
            else f"chance alone gives {column.chance:.3g} against {column.threshold:.3g}",
            adjusted=adjusted,
            missing_adjusted=missing,
            needed=needed,
        )
    return Judged(verdict="no drift", reason=size, adjusted=adjusted, missing_adjusted=missing)


def overall(judged: Sequence[Judged], *, schema_drift: bool, required: Sequence[Judged]) -> Verdict:
    """Verdict of the whole batch.

    `drift` if any column drifts, or one is missing or retyped; else `insufficient` if that is
    said of half of the columns or more, of any `required` one (target, prediction), or if there
    is no column; else `no drift`.
    """
    verdicts = [entry.verdict for entry in judged]
    if schema_drift or "drift" in verdicts:
        return "drift"
    if not verdicts or 2 * verdicts.count("insufficient") >= len(verdicts):
        return "insufficient"
    if any(entry.verdict == "insufficient" for entry in required):
        return "insufficient"
    return "no drift"
