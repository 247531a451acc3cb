"""Figures held against a rule: pass, fail, insufficient or error.

Three answers to a limit, not two: data too thin to tell is never a pass and never called a failure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from aims_mlops.documents.problems import did_you_mean
from aims_mlops.policy.grammar import Rule
from aims_mlops.policy.groups import group_text, is_selected, selector_text

Status = Literal["pass", "fail", "insufficient", "error"]
_WORST_FIRST: tuple[Status, ...] = ("fail", "error", "insufficient", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One rule held against the figures that it selects; the worst group speaks for all.

    observed, limit : for people.  enough : what would be enough data, where data are too thin.
    value, low, high, n, group : of the figure that speaks.  figures : how many were looked at.
    """

    rule: str
    measure: str
    status: Status
    observed: str
    limit: str
    next_step: str
    enough: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    group: str | None = None
    figures: int = 0

    def to_body(self) -> dict[str, Any]:
        """As JSON values, for the decision's record."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: Status
    figure: Mapping[str, Any]
    why: str = ""
    enough: str | None = None


def judge(figures: Sequence[Mapping[str, Any]], rule: Rule) -> CheckResult:
    """The result of holding figures against one rule.

    figures : `body.figures` of evidence, in the shape of docs/architecture.md; those of another
        measure or group are passed over. Within a group one failing figure fails it, and one
        passing figure makes up for others that are too thin.
    """
    try:
        selected = [f for f in figures if _is_about(f, rule)]
        if not selected:
            return _nothing(figures, rule)
        by_group: dict[str, list[_Verdict]] = {}
        for figure in selected:
            by_group.setdefault(group_text(figure.get("group")), []).append(_hold(figure, rule))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        return _result(rule, "error", f"figures of another shape ({type(error).__name__})", 0)
    spoken = [_of_group(verdicts) for _, verdicts in sorted(by_group.items())]
    worst = min(spoken, key=lambda verdict: _WORST_FIRST.index(verdict.status))
    return _told(worst, rule, len(selected))


def limit_text(rule: Rule) -> str:
    """The limit for people, such as 'at least 0.8 on the whole interval, n of 100 or more'."""
    parts = []
    if rule.min is not None:
        parts.append(f"at least {_number(rule.min)}")
    if rule.max is not None:
        parts.append(f"at most {_number(rule.max)}")
    on = "the whole interval" if rule.limit_on == "interval" else "the estimate"
    text = " and ".join(parts) + f" on {on}"
    return text + (f", n of {rule.min_n} or more" if rule.min_n else "")


def _is_about(figure: Mapping[str, Any], rule: Rule) -> bool:
    return figure["measure"] == rule.measure and is_selected(figure, rule.group)


def _of_group(verdicts: list[_Verdict]) -> _Verdict:
    """What all figures of one group say together."""
    for status in ("fail", "error", "pass"):
        for verdict in verdicts:
            if verdict.status == status:
                return verdict
    return verdicts[-1]


def _hold(figure: Mapping[str, Any], rule: Rule) -> _Verdict:
    value, low, high = (_finite(figure.get(key)) for key in ("value", "low", "high"))
    n = figure.get("n")
    if value is None:
        return _Verdict("insufficient", figure, "the data do not give this figure", _rows(rule, n))
    if rule.limit_on == "estimate":
        low = high = value
    elif low is None or high is None:
        return _Verdict(
            "insufficient", figure, "the figure has no interval", "a figure with an interval"
        )
    elif not low <= value <= high:
        return _Verdict("error", figure, "the value lies outside its own interval")
    # A whole interval beyond the limit is a failure however few the rows: it is proven.
    proven = rule.limit_on == "interval"
    beyond = (rule.min is not None and high < rule.min) or (rule.max is not None and low > rule.max)
    if beyond and proven:
        return _Verdict("fail", figure)
    if rule.min_n and (n is None or n < rule.min_n):
        return _Verdict("insufficient", figure, "too few rows", _rows(rule, n))
    if beyond:
        return _Verdict("fail", figure)
    keeps = (rule.min is None or low >= rule.min) and (rule.max is None or high <= rule.max)
    if keeps:
        return _Verdict("pass", figure)
    return _Verdict(
        "insufficient",
        figure,
        "the limit lies inside the interval",
        _enough(value, low, high, n, rule),
    )


def _rows(rule: Rule, n: Any) -> str:
    have = "an unknown number" if n is None else str(n)
    return f"at least {max(rule.min_n, 1)} rows (now {have})"


def _enough(value: float, low: float, high: float, n: Any, rule: Rule) -> str:
    """Rows after which the interval would clear the limit, if the value stayed as it is.

    An interval's half-width shrinks with the square root of n.
    """
    factors = []
    for limit, side, is_kept in (
        (rule.min, low, rule.min is None or value > rule.min),
        (rule.max, high, rule.max is None or value < rule.max),
    ):
        if limit is None:
            continue
        if not is_kept:
            return "no number of rows at this value: the estimate itself does not keep the limit"
        factors.append(abs(value - side) / abs(value - limit))
    if not isinstance(n, int) or n < 1:
        return "more rows"
    needed = max(rule.min_n, math.ceil(n * max(1.0, *factors) ** 2))
    return f"about {needed:,} rows at this value (now {n:,})"


def _nothing(figures: Sequence[Mapping[str, Any]], rule: Rule) -> CheckResult:
    names = sorted({str(f.get("measure")) for f in figures})
    groups = sorted({group_text(f.get("group")) for f in figures if f["measure"] == rule.measure})
    observed = f"no figure of {rule.measure} for {selector_text(rule.group)}"
    if groups:
        observed += "; there is one for " + ", ".join(groups[:5])
    elif hint := did_you_mean(rule.measure, names):
        observed += f"; did you mean {hint!r}"
    return _result(
        rule, "insufficient", observed, 0, enough=f"a figure of {rule.measure} in the evidence"
    )


def _told(verdict: _Verdict, rule: Rule, count: int) -> CheckResult:
    figure = verdict.figure
    group = group_text(figure.get("group"))
    value, low, high = (_finite(figure.get(key)) for key in ("value", "low", "high"))
    observed = "no value" if value is None else _number(value)
    if low is not None and high is not None:
        observed += f" [{_number(low)}, {_number(high)}]"
    if group != "overall":
        observed += f" for {group}"
    n = figure.get("n")
    if n is not None:
        observed += f", n={n}"
    if verdict.why:
        observed += f": {verdict.why}"
    return _result(
        rule,
        verdict.status,
        observed,
        count,
        enough=verdict.enough,
        value=value,
        low=low,
        high=high,
        n=n if isinstance(n, int) else None,
        group=None if group == "overall" else group,
    )


def _result(rule: Rule, status: Status, observed: str, count: int, **more: Any) -> CheckResult:
    return CheckResult(
        rule=rule.id,
        measure=rule.measure,
        status=status,
        observed=observed,
        limit=limit_text(rule),
        next_step=_next_step(rule, status, more.get("enough")),
        figures=count,
        **more,
    )


def _next_step(rule: Rule, status: Status, enough: str | None) -> str:
    if status == "pass":
        return "none"
    if status == "insufficient":
        return f"evaluate again with {enough}" if enough else "evaluate again with more data"
    if status == "error":
        return f"record {rule.measure} again with a supported measure"
    return f"improve the model until {rule.measure} keeps the limit, then record a new evaluation"


def _finite(number: Any) -> float | None:
    if number is None or isinstance(number, bool):
        return None
    found = float(number)
    if not math.isfinite(found):
        raise ValueError("a figure must be finite")
    return found


def _number(value: float) -> str:
    return f"{value:.4g}"
