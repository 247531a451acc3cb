"""What takes a retrained model beyond a policy's tolerance, in words. Pure.

A model is held against the one that was assessed, never against a retrained one in between, so that
many small steps are not a way around. What the log does not say counts as beyond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aims_mlops.dossier.changes import (
    dataset_changes,
    declared_changes,
    environment_changes,
    figures_of,
    same_content,
    schema_of,
)
from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.kinds import COMPARED_KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.system import System
from aims_mlops.policy.grammar import Tolerance
from aims_mlops.policy.groups import group_text

_LIMIT = 8  # figures named in one sentence
_ROUNDING = 1 + 1e-9
_OF_THE_MODEL = ("class", "framework", "signature")
_OF_THE_DATA = ("source", "licence", "purpose")


def beyond_tolerance(
    old: Dossier, new: Dossier, system: System | None, tolerance: Tolerance
) -> list[str]:
    """Every reason why the assessment of one model does not cover another; empty if it does.

    old : as the approvers of the assessed model saw it.  new : the retrained model. The run of an
        identical retraining may have another environment: the model that came out is the same.
    """
    found = list(declared_changes(old.assessment, system)) if old.assessment else []
    found += _model(old, new, tolerance)
    found += _data(old, new, tolerance)
    found += _moved(old, new, tolerance)
    if tolerance.environment == "same" and same_content(old, new) is None:
        found += _environment(old, new)
    return found


def _model(old: Dossier, new: Dossier, tolerance: Tolerance) -> Iterable[str]:
    fields: tuple[str, ...] = _OF_THE_MODEL
    if tolerance.parameters == "same":
        fields = (*fields, "parameters_of_model")
    before, after = old.of_kind("model"), new.of_kind("model")
    if not before or not after:
        yield "no record says what kind of model it is"
        return
    then = before[-1].evidence.body
    for field in fields:
        if any(record.evidence.body.get(field) != then.get(field) for record in after):
            yield f"another {field.replace('_', ' ')}"


def _data(old: Dossier, new: Dossier, tolerance: Tolerance) -> Iterable[str]:
    before, after = _described(old), _described(new)
    for digest in new.datasets:
        if digest not in after:
            yield f"no record describes the dataset {digest[:12]}…"
        elif digest not in before and not schema_of(after[digest]):
            yield f"the schema of dataset {after[digest].get('name')} is not on record"
    if not new.datasets:
        yield "no dataset is on record"
    content = tolerance.dataset_content == "same"
    if _facts(before, content) != _facts(after, content):
        words = [
            change
            for change in dataset_changes(old, new)
            if content or not change.endswith("other content")
        ]
        yield from words or ["other datasets under the same names"]


def _described(dossier: Dossier) -> dict[str, Mapping[str, Any]]:
    """The newest description of each dataset of the model that approvers are shown, by digest."""
    described = dossier.shown_of("dataset")
    return {
        subject.sha256: record.evidence.body
        for record in described
        for subject in record.evidence.subjects
        if subject.sha256 in dossier.datasets
    }


def _facts(described: Mapping[str, Mapping[str, Any]], content: bool) -> set[tuple[Any, ...]]:
    return {
        (
            str(body.get("name")),
            tuple(sorted(schema_of(body).items())),
            *(str(body.get(field)) for field in _OF_THE_DATA),
            digest if content else None,
        )
        for digest, body in described.items()
    }


def _moved(old: Dossier, new: Dossier, tolerance: Tolerance) -> Iterable[str]:
    """Figures that moved too far, that are new, or that are no longer measured."""
    before = dict(_values(old))
    after = list(_values(new))
    if not any(value is not None for value in before.values()):
        yield "no figure was assessed"
    found = [
        f"{_named(key)} is not measured any more"
        for key in sorted(before.keys() - {key for key, _ in after})
    ]
    # Every evaluation counts, so that a friendlier one hides nothing.
    for key, value in after:
        if key not in before:
            found.append(f"{_named(key)} was not assessed")
            continue
        then, limit = before[key], tolerance.distance(key[2])
        if value is None and then is None:
            continue
        if value is None or then is None or not _within(abs(value - then), limit):
            found.append(f"{_named(key)} {_number(then)} -> {_number(value)}, beyond ±{limit:g}")
    if found:
        rest = f" and {len(found) - _LIMIT} more" if len(found) > _LIMIT else ""
        yield "; ".join(found[:_LIMIT]) + rest


def _within(distance: float, limit: float) -> bool:
    """0.72 - 0.70 is 0.02 to people, whatever the last binary digit says; NaN is never within."""
    return distance <= limit * _ROUNDING


_Key = tuple[str, str, str, str]  # kind, dataset, measure, group


def _values(dossier: Dossier) -> Iterable[tuple[_Key, float | None]]:
    for kind in COMPARED_KINDS:
        for record in dossier.of_kind(kind):
            for figure in figures_of(record):
                group = group_text(figure.get("group"))
                value = figure.get("value")
                key = (kind, _dataset_name(record), str(figure.get("measure")), group)
                yield key, value if isinstance(value, int | float) else None


def _dataset_name(record: Record) -> str:
    dataset = record.evidence.body.get("dataset")
    name = dataset.get("name") if isinstance(dataset, Mapping) else dataset
    return str(name) if name is not None else ""


def _named(key: _Key) -> str:
    _, dataset, measure, group = key
    return f"{measure}, {group}" + (f" on {dataset}" if dataset else "")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _environment(old: Dossier, new: Dossier) -> Iterable[str]:
    before, after = old.of_kind("environment"), new.of_kind("environment")
    if not before or not after:
        return ["the environment of the run is not on record"]
    return environment_changes(before[-1], after[-1])
