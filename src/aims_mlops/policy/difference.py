"""What differs between two policies, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aims_mlops.policy.policy import Policy


def difference(old: Policy, new: Policy) -> list[str]:
    """Lines for people: '+ added', '- removed', '~ changed: field: old -> new'."""
    lines: list[str] = []
    before, after = _rows(old), _rows(new)
    for id_ in sorted(before.keys() | after.keys()):
        if id_ not in before:
            lines.append(f"+ {id_}: {_said(after[id_])}")
        elif id_ not in after:
            lines.append(f"- {id_}: {_said(before[id_])}")
        else:
            lines += [f"~ {id_}: {text}" for text in _changes(before[id_], after[id_])]
    return lines


def _rows(policy: Policy) -> dict[str, Mapping[str, Any]]:
    """Every row by its id; the single parts under their own names."""
    content = policy.content()
    rows: dict[str, Mapping[str, Any]] = {
        row["id"]: row for field in ("requires", "rules") for row in content[field]
    }
    parts = ("assessment", "approvals", "waivers", "break_glass", "oversight", "impact_scale")
    for name in parts:
        if content.get(name) is not None:
            rows[name] = content[name]
    rows["policy"] = {"pinned": bool(content["pinned"]), "targets": content["targets"]}
    return rows


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}: {_value(before.get(key))} -> {_value(after.get(key))}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _said(row: Mapping[str, Any]) -> str:
    shown = {k: v for k, v in row.items() if v not in (None, "", [], False) and k != "id"}
    return ", ".join(f"{key} {_value(value)}" for key, value in sorted(shown.items()))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_value(v)}" for k, v in value.items()) + "}"
    return "none" if value is None else str(value)
