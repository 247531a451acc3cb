"""What changed since an assessment was submitted, in words. Pure.

Approvals are void by their digests as soon as anything changes; this says to people what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.data import DatasetBody, ModelBody
from aims_mlops.evidence.bodies.figure import figure_entries
from aims_mlops.evidence.bodies.operation import IncidentBody
from aims_mlops.evidence.bodies.run import EnvironmentBody
from aims_mlops.evidence.kinds import (
    AFTER_KINDS,
    COMPARED_KINDS,
    REOPENING_KINDS,
    SHOWN_KINDS,
)
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.system import System
from aims_mlops.policy.groups import group_text

_LIMIT = 8  # figures named in one sentence


def material_changes(dossier: Dossier, system: System | None, *, since: int = -1) -> list[str]:
    """Changes that re-open the assessment of this model.

    since : sequence of the newest approval that counts; what came before it was seen.
    """
    submitted = dossier.assessment
    if submitted is None:
        return []
    found = list(declared_changes(submitted, system))
    # One that is kept from another model was held against this model's evidence already.
    kinds = AFTER_KINDS if dossier.kept is not None else REOPENING_KINDS
    return found + changes_since(dossier, max(since, submitted.sequence), kinds)


def changes_since(dossier: Dossier, since: int, kinds: Iterable[str]) -> list[str]:
    """Which kinds of evidence came after a sequence number, in words."""
    found = []
    for kind in kinds:
        records = dossier.shown_of(kind) if kind in SHOWN_KINDS else dossier.of_kind(kind)
        later = [r for r in records if r.sequence > since and not _follow_up(r)]
        if later:
            words = f"{len(later)} new {kind} records" if len(later) > 1 else f"a new {kind} record"
            found.append(f"{words} since then")
    return found


def _follow_up(record: Record) -> bool:
    """A step that puts an incident or nonconformity right is no news of its own."""
    step = IncidentBody.of(record).step  # of a nonconformity just so
    return record.evidence.kind in AFTER_KINDS and step not in (None, "open", "reopen")


def changes_between(old: Dossier, new: Dossier, system: System | None) -> list[str]:
    """What an assessor of a new model has to look at, against the model assessed before.

    Datasets whose schema or source differ, figures outside the interval that was assessed, the
    environment, and what aims.yaml states by now.
    """
    found: list[str] = []
    if old.model != new.model:
        same = same_content(old, new)
        told = "" if same is None else f", {same}"
        found.append(f"another model: {old.model[:12]}… -> {new.model[:12]}…{told}")
    if old.assessment is not None:
        found += declared_changes(old.assessment, system)
    found += dataset_changes(old, new)
    for kind in COMPARED_KINDS:
        found += _outside(kind, _newest(old, kind), _newest(new, kind))
    found += environment_changes(_newest(old, "environment"), _newest(new, "environment"))
    return found


def same_content(old: Dossier, new: Dossier) -> str | None:
    """In words, that one model is the other trained again; None if it is not, or not on record.

    Every record of either model has to name the same canonical digest (docs/digests.md). What the
    digest does not cover, such as figures, is not said by it.
    """
    found = {_canonical(record) for dossier in (old, new) for record in dossier.of_kind("model")}
    if len(found) != 1 or not (old.of_kind("model") and new.of_kind("model")):
        return None
    (content,) = found
    if content is None:
        return None
    scheme, sha256 = content
    return f"an identical retraining, the same content: {scheme} {sha256[:12]}…"


def _canonical(record: Record) -> tuple[str, str] | None:
    said = ModelBody.of(record).canonical
    if said is None:
        return None
    scheme, sha256 = said.get("scheme"), said.get("sha256")
    if not isinstance(scheme, str) or not isinstance(sha256, str) or not (scheme and sha256):
        return None
    return scheme, sha256


def declared_changes(submitted: Record, system: System | None) -> Iterable[str]:
    """What aims.yaml states by now that it did not when the assessment was submitted."""
    body = submitted.evidence.body
    for field, word in (("intended_use", "intended use"), ("risk_tier", "risk tier")):
        if system is not None and body.get(field) not in (None, getattr(system, field)):
            yield f"aims.yaml states another {word}"


def dataset_changes(old: Dossier, new: Dossier) -> Iterable[str]:
    """Datasets that came, went, or differ in schema, content, source, licence or purpose."""
    before, after = _by_name(old), _by_name(new)
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"dataset {name} is new"
        elif name not in after:
            yield f"dataset {name} is no longer used"
        else:
            then, now = before[name], after[name]
            if schema_of(then) != schema_of(now):
                yield f"dataset {name} has another schema: {_schema_words(then, now)}"
            elif then.get("sha256") != now.get("sha256"):
                yield f"dataset {name} has other content"
            for field in ("source", "licence", "purpose"):
                if then.get(field) != now.get(field):
                    yield f"dataset {name} has another {field}"


def _by_name(dossier: Dossier) -> dict[str, Mapping[str, Any]]:
    return {str(DatasetBody.of(r).name): r.evidence.body for r in dossier.shown_of("dataset")}


def schema_of(body: Mapping[str, Any]) -> dict[str, str]:
    """{column: type} of a dataset's evidence; empty if it does not say."""
    columns = body.get("columns")
    if not isinstance(columns, list):
        return {}
    return {str(c.get("name")): str(c.get("type")) for c in columns if isinstance(c, Mapping)}


def _schema_words(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    before, after = schema_of(then), schema_of(now)
    parts = [f"+{name}" for name in sorted(after.keys() - before.keys())]
    parts += [f"-{name}" for name in sorted(before.keys() - after.keys())]
    parts += [
        f"{name} {before[name]} -> {after[name]}"
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]
    return ", ".join(parts[:_LIMIT]) or "another order"


def _outside(kind: str, old: Record | None, new: Record | None) -> Iterable[str]:
    """Figures whose new value lies outside the interval that was assessed."""
    if new is None:
        if old is not None:
            yield f"{kind} was not measured for this model"
        return
    before = {_key(figure): figure for figure in figures_of(old)}
    moved = []
    for figure in figures_of(new):
        then = before.get(_key(figure))
        if then is None or figure.get("value") is None:
            continue
        low, high = then.get("low"), then.get("high")
        if low is not None and high is not None and not low <= figure["value"] <= high:
            moved.append(
                f"{figure['measure']}, {group_text(figure.get('group'))}: {figure['value']:.4g} "
                f"outside [{low:.4g}, {high:.4g}]"
            )
    if moved:
        rest = f" and {len(moved) - _LIMIT} more" if len(moved) > _LIMIT else ""
        yield f"{kind} outside the assessed range: {'; '.join(moved[:_LIMIT])}{rest}"


def environment_changes(old: Record | None, new: Record | None) -> Iterable[str]:
    """What differs between the environments of two runs."""
    if old is None or new is None:
        return
    for field in ("python", "platform"):
        if old.evidence.body.get(field) != new.evidence.body.get(field):
            yield f"another {field} in the run"
    before, after = EnvironmentBody.of(old).packages, EnvironmentBody.of(new).packages
    if before is not None and after is not None and before != after:
        names = before.keys() | after.keys()
        changed = sum(before.get(name) != after.get(name) for name in names)
        yield f"{changed} packages of the run differ"


def _newest(dossier: Dossier, kind: str) -> Record | None:
    found = dossier.of_kind(kind)
    return found[-1] if found else None


def figures_of(record: Record | None) -> list[Mapping[str, Any]]:
    """The figures in a measure's evidence."""
    return [] if record is None else figure_entries(record)


def _key(figure: Mapping[str, Any]) -> tuple[str, str]:
    return str(figure.get("measure")), group_text(figure.get("group"))
