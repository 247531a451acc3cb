"""What differs between two versions of an assessment, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aims_mlops.assessments.document import Assessment

_LEFT_OUT = ("from_evidence", "version")


def difference(old: Assessment, new: Assessment) -> list[str]:
    """Lines for people: '+ added', '- removed', '~ changed', each with the field's path."""
    return list(_compare(_content(old), _content(new), ""))


def _content(assessment: Assessment) -> dict[str, Any]:
    content = assessment.model_dump(mode="json")
    for field in ("impacts", "measures"):
        content[field] = {row["id"]: row for row in content[field]}
    content["interested_parties"] = {row["who"]: row for row in content["interested_parties"]}
    return {key: value for key, value in content.items() if key not in _LEFT_OUT}


def _compare(old: Any, new: Any, path: str) -> Iterable[str]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            place = f"{path}.{key}" if path else str(key)
            yield from _compare(old.get(key), new.get(key), place)
    elif _is_empty(old):
        yield f"+ {path}: {_value(new)}"
    elif _is_empty(new):
        yield f"- {path}: {_value(old)}"
    else:
        yield f"~ {path}: {_value(old)} -> {_value(new)}"


def _is_empty(value: Any) -> bool:
    return value in (None, "", [], {})


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_value(v)}" for k, v in value.items() if not _is_empty(v))
    text = " ".join(str(value).split())
    return text if len(text) <= 160 else text[:159] + "…"
