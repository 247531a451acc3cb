"""The record of a mitigation: the same bias figures before and after it, and how it was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aims_mlops.errors import InputError
from aims_mlops.measures.result.grouped import GroupedResult

_SAME = ("sensitive", "positive_label", "confidence", "min_group_size")


def record_mitigation(
    before: GroupedResult,
    after: GroupedResult,
    *,
    method: str,
    settings: Mapping[str, Any] | None = None,
) -> GroupedResult:
    """`after` with what came before it, ready to be stored as evidence.

    method : what was done, such as 'fairlearn 0.15.0: ThresholdOptimizer(equalized_odds)'.
    settings : its parameters, JSON values.

    The result's `extra["mitigation"]` has `method`, `settings`, and `changes`: for every figure
    that both have, its value and interval before and after. Suppression is applied to both.
    Raises InputError when the two were not measured alike, since their difference would mean
    nothing.
    """
    if not method.strip():
        raise InputError("a mitigation needs a method", got="an empty text")
    if before.kind != "bias" or after.kind != "bias":
        raise InputError(
            "a mitigation compares bias results", got=f"{before.kind} and {after.kind}"
        )
    odd = [name for name in _SAME if before.settings.get(name) != after.settings.get(name)]
    if odd or before.extra.get("task") != after.extra.get("task"):
        raise InputError(
            "before and after were not measured alike",
            got=f"different {', '.join(odd) or 'task'}",
            next_step="measure both with the same arguments",
        )
    earlier = {_key(f): f for f in before.to_body()["figures"]}
    changes = []
    for figure in after.to_body()["figures"]:
        found = earlier.get(_key(figure))
        if found is None or (found["value"] is None and figure["value"] is None):
            continue
        changes.append(
            {
                "measure": figure["measure"],
                "group": figure["group"],
                "before": {name: found[name] for name in ("value", "low", "high", "n")},
                "after": {name: figure[name] for name in ("value", "low", "high", "n")},
            }
        )
    mitigation = {"method": method, "settings": dict(settings or {}), "changes": changes}
    return replace(after, extra={**after.extra, "mitigation": mitigation})


def _key(figure: Mapping[str, Any]) -> tuple[str, str]:
    return figure["measure"], str(sorted((figure["group"] or {}).items()))
