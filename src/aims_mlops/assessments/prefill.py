"""What the log already knows about an AI system, as texts for an assessment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aims_mlops.assessments.document import TEXT_FIELDS, Assessment
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.system import System
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
    found: dict[str, tuple[str, str]] = {}
    for path, (kind, maker) in _MAKERS.items():
        records = dossier.shown_of(kind)
        text = maker(records).strip() if records else ""
        if path == "algorithm.description" and (run := dossier.of_kind("environment")):
            text = "\n".join(filter(None, (text, _environment(run))))
        if text:
            found[path] = (text, records[-1].id)
    return found


def from_prior(record: Record) -> tuple[dict[str, tuple[str, str]], Assessment]:
    """What an assessment in the log says: its texts, as `from_evidence` gives them, and all of it.

    Measured fields are left out: what was measured then is not what is so now.
    Raises pydantic.ValidationError for a document that this version does not read.
    """
    document = Assessment.model_validate_json(json.dumps(record.evidence.body.get("document")))
    texts = {
        path: (document.text_at(path).strip(), record.id)
        for path in TEXT_FIELDS
        if path not in _MAKERS and document.text_at(path).strip()
    }
    return texts, document


def _datasets(records: tuple[Record, ...]) -> str:
    lines: dict[str, str] = {}
    for record in records:
        body = record.evidence.body
        digest = str(body.get("sha256", ""))
        parts = [f"{body.get('name')} ({body.get('role') or 'no role'}): {body.get('rows')} rows"]
        columns = body.get("columns")
        if isinstance(columns, (list, dict)):
            parts.append(f"{body.get('column_count') or len(columns)} columns")
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


def _environment(records: tuple[Record, ...]) -> str:
    body = records[-1].evidence.body
    parts = [f"Python {body['python']}"] if body.get("python") else []
    parts += [str(body["platform"])] if body.get("platform") else []
    packages = body.get("packages")
    if isinstance(packages, Mapping):
        parts.append(f"{len(packages)} packages")
    return "made with " + ", ".join(parts) if parts else ""


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    return str(value)


# field -> the kind of evidence that fills it, and how
_MAKERS: dict[str, tuple[str, Callable[[tuple[Record, ...]], str]]] = {
    "data.description": ("dataset", _datasets),
    "data.quality": ("data-quality", _quality),
    "algorithm.description": ("model", _model),
    "algorithm.performance": ("performance", _figures),
    "algorithm.fairness": ("bias", _figures),
}
