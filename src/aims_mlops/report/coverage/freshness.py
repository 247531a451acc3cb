"""Whether a control's evidence is as recent, and as complete, as the control asks.

A control asks either for an age ("yearly"), or for evidence about each thing of a sort ("every
run", "each version", "before promotion"). What only a person can tell ("on change", "per event")
is not judged; the age is shown instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aims_mlops.evidence.records import Record
from aims_mlops.report.coverage.scope import Scope, digests_about
from aims_mlops.report.render import reading
from aims_mlops.report.render.one_line import plural

Verdict = Literal["in time", "late", "incomplete", "not due", "not judged"]

NAMED = 3  # how many missing things a sentence names


@dataclass(frozen=True, slots=True)
class Freshness:
    """`asked` is the control's own word; `words` explains the verdict.

    age_days : of the newest evidence, by the store's clock; None without evidence.
    """

    asked: str
    verdict: Verdict
    words: str
    age_days: float | None


def judge(asked: str, counted: Sequence[Record], scope: Scope, now: datetime) -> Freshness:
    """Hold a control's evidence against what it asks.

    asked : `Control.fresh`.  counted : the records whose recency matters, in the order of the log.
    """
    age = _age_days(counted, now)
    if asked in _LIMIT_DAYS:
        verdict, words = _by_age(_LIMIT_DAYS[asked], age)
    elif asked in _EACH:
        verdict, words = _EACH[asked](counted, scope)
    else:
        verdict, words = "not judged", "whether that is recent enough is for a person to say"
    return Freshness(asked, verdict, words, age)


# "daily to weekly, by risk": a week is the most that any risk allows.
_LIMIT_DAYS: dict[str, float] = {
    "yearly": 365,
    "on change, ≤ 12 months": 365,
    "quarterly": 92,
    "daily to weekly, by risk": 7,
}


def _age_days(counted: Sequence[Record], now: datetime) -> float | None:
    times = [time for time in map(reading.received, counted) if time is not None]
    return max(0.0, (now - max(times)).total_seconds() / 86_400) if times else None


def _by_age(limit: float, age: float | None) -> tuple[Verdict, str]:
    if age is None:
        return "not due", "nothing recorded yet"
    if age <= limit:
        return "in time", f"newest within {limit:.0f} days"
    return "late", f"newest is {age:.0f} days old, {limit:.0f} asked at most"


def _every_run(counted: Sequence[Record], scope: Scope) -> tuple[Verdict, str]:
    covered = {record.evidence.run for record in counted}
    return _complete(scope.runs, set(scope.runs) & covered, "run")


def _each_model(counted: Sequence[Record], scope: Scope) -> tuple[Verdict, str]:
    about = _about(counted)
    runs = {record.evidence.run for record in counted}
    # A specification is recorded for a system and holds for every version of it.
    systems = {r.evidence.system for r in counted if r.evidence.kind == "system"}
    system_of = {
        digest: record.evidence.system
        for record in scope.of_kind("model")
        for digest in digests_about(record)
    }
    covered = {
        digest
        for digest in scope.models
        if digest in about
        or scope.run_of_model.get(digest, set()) & runs
        or (system_of.get(digest) is not None and system_of[digest] in systems)
    }
    return _complete(scope.models, covered, "model version")


def _each_dataset(counted: Sequence[Record], scope: Scope) -> tuple[Verdict, str]:
    return _complete(scope.datasets, set(scope.datasets) & _about(counted), "dataset")


def _before_promotion(counted: Sequence[Record], scope: Scope) -> tuple[Verdict, str]:
    """Evidence about the model or its system, or about no system (a policy), that came before."""
    first: dict[str | None, int] = {}  # digest, system or None -> sequence of its first evidence
    for record in counted:
        for key in (*digests_about(record), record.evidence.system):
            first.setdefault(key, record.sequence)
    names: dict[str, str] = {}
    covered: set[str] = set()
    for promotion in scope.promotions:
        about = digests_about(promotion)
        name = next((scope.models[m] for m in sorted(about) if m in scope.models), "a model")
        names[promotion.id] = f"{name} (promotion {promotion.id[:12]})"
        keys = (*about, promotion.evidence.system, None)
        if any(first.get(key, promotion.sequence) < promotion.sequence for key in keys):
            covered.add(promotion.id)
    return _complete(names, covered, "promotion")


def _about(counted: Sequence[Record]) -> set[str]:
    found: set[str] = set()
    for record in counted:
        found |= digests_about(record)
    return found


def _complete(things: dict[str, str], covered: set[str], noun: str) -> tuple[Verdict, str]:
    if not things:
        return "not due", f"no {noun} recorded yet"
    missing = [name for key, name in things.items() if key not in covered]
    if not missing:
        return "in time", f"for {plural(len(things), noun)} of {len(things)}"
    named = ", ".join(missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
    return "incomplete", f"missing for {len(missing)} of {plural(len(things), noun)}: {named}"


_EACH: dict[str, Callable[[Sequence[Record], Scope], tuple[Verdict, str]]] = {
    "every run": _every_run,
    "continuous": _every_run,
    "each version": _each_model,
    "each dataset version": _each_dataset,
    "each batch": _each_dataset,
    "each promotion": _before_promotion,
    "each release": _before_promotion,
    "before promotion": _before_promotion,
}
