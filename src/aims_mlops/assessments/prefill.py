"""What the log already knows about an AI system, as texts for an assessment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aims_mlops.assessments.dossier import Dossier
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.system import System
from aims_mlops.policy.groups import group_text

_LIMIT_LINES = 25


def declared(system: System) -> dict[str, str]:
    """Field path -> text, from aims.yaml."""
    found = {
        "scope.covers": system.title,
        "system_information.purpose": system.purpose,
        "system_information.intended_uses": system.intended_use,
        "foreseeable_misuse": "; ".join(system.foreseeable_misuse),
    }
    return {path: text for path, text in found.items() if text.strip()}


def from_evidence(dossier: Dossier) -> dict[str, tuple[str, str]]:
    """Field path -> (text, id of the newest record it comes from)."""
    makers = {
        "data.description": ("dataset", _datasets),
        "data.quality": ("data-quality", _quality),
        "algorithm.description": ("model", _model),
        "algorithm.performance": ("performance", _figures),
        "algorithm.fairness": ("bias", _figures),
    }
    found: dict[str, tuple[str, str]] = {}
    for path, (kind, maker) in makers.items():
        records = dossier.of_kind(kind)
        text = maker(records).strip() if records else ""
        if text:
            found[path] = (text, records[-1].id)
    return found


def _datasets(records: tuple[Record, ...]) -> str:
    lines: dict[str, str] = {}
    for record in records:
        body = record.evidence.body
        digest = str(body.get("sha256", ""))
        parts = [f"{body.get('name')} ({body.get('role') or 'no role'}): {body.get('rows')} rows"]
        columns = body.get("columns")
        if isinstance(columns, (list, dict)):
            parts.append(f"{len(columns)} columns")
        parts += [
            f"{key} {body[key]}" if body.get(key) else f"{key} not declared"
            for key in ("source", "licence", "purpose")
        ]
        lines[digest] = ", ".join(parts) + f", sha256 {digest[:16]}…"
    return "\n".join(lines.values())


def _quality(records: tuple[Record, ...]) -> str:
    lines = []
    for record in records[-_LIMIT_LINES:]:
        body = record.evidence.body
        dataset = body.get("dataset")
        name = dataset.get("name") if isinstance(dataset, Mapping) else dataset
        result = "meets" if body.get("success") is True else "does not meet"
        lines.append(f"{name}: {result} its expectations")
    return "\n".join(dict.fromkeys(lines))


def _model(records: tuple[Record, ...]) -> str:
    body = records[-1].evidence.body
    size = body.get("size_bytes")
    parts = [str(body.get("class") or body.get("name") or "a model")]
    if body.get("framework"):
        parts.append(f"framework {_text(body['framework'])}")
    if isinstance(size, int):
        parts.append(f"{size:,} bytes")
    return ", ".join(parts) + f", sha256 {str(body.get('sha256', ''))[:16]}…"


def _figures(records: tuple[Record, ...]) -> str:
    lines = []
    figures = records[-1].evidence.body.get("figures") or ()
    for figure in sorted(figures, key=_rank):
        value, low, high = (figure.get(key) for key in ("value", "low", "high"))
        text = "unknown" if value is None else f"{value:.4g}"
        if low is not None and high is not None:
            text += f" [{low:.4g}, {high:.4g}]"
        n = figure.get("n")
        where = group_text(figure.get("group"))
        lines.append(f"{figure.get('measure')}, {where}: {text}" + (f", n={n}" if n else ""))
    if len(lines) > _LIMIT_LINES:
        lines = [*lines[:_LIMIT_LINES], f"and {len(lines) - _LIMIT_LINES} more figures"]
    return "\n".join(lines)


def _rank(figure: Mapping[str, Any]) -> int:
    """Comparisons between groups first, then overall figures, then single groups."""
    if str(figure.get("measure", "")).endswith(("_difference", "_ratio")):
        return 0
    return 1 if not figure.get("group") else 2


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    return str(value)
