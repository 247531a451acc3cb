"""Whose choices a Statement of Applicability shows: a file's, or those of an approved version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import DocumentError, EvidenceNotFoundError, InputError

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project
    from aims_mlops.management.registers.register import Register
    from aims_mlops.report.coverage.applicability import Applicability
    from aims_mlops.report.coverage.coverage import Coverage
    from aims_mlops.report.soa import Statement
    from aims_mlops.report.soa_versions import Approved


def statement_of(
    project: Project,
    store: EvidenceStore,
    register: Register,
    coverage: Coverage,
    path: Path | None = None,
) -> Statement:
    """The choices of a file; without one those of the newest approved version, else the project's.

    Raises DocumentError for a file that does not read, InputError for content that is gone.
    """
    from aims_mlops.report.coverage.applicability import FILE_NAME, read_applicability
    from aims_mlops.report.soa import state
    from aims_mlops.report.soa_versions import differences, in_force

    if path is not None:
        return state(coverage, read_applicability(path), path.name)
    approved, own = in_force(register), project.root / FILE_NAME
    if approved is None:
        draft = read_applicability(own) if own.is_file() else None
        return state(coverage, draft, FILE_NAME if draft is not None else None)
    made = choices_of(store, approved)
    changed: tuple[str, ...] | None = None
    if own.is_file():
        try:
            found = differences(made, read_applicability(own))
            changed = tuple(dict.fromkeys(one.control for one in found))
        except DocumentError:
            changed = None  # a draft in the making; what is approved is shown without it
    return state(coverage, made, approved.words, approved=approved, draft=changed)


def choices_of(store: EvidenceStore, approved: Approved) -> Applicability:
    """The choices in the file of a version, as the log holds it."""
    from aims_mlops.report.coverage.applicability import applicability_from

    try:
        content = store.get_blob(approved.sha256)
    except EvidenceNotFoundError as error:
        raise InputError(
            f"the log does not hold {approved.words}",
            got=f"no content of digest {approved.sha256[:12]}…",
            next_step="--choices FILE",
        ) from error
    return applicability_from(content, f"{approved.file} (version {approved.version})")


def show_differences(
    store: EvidenceStore, register: Register, first: str, second: str, *, as_json: bool
) -> str:
    """What differs between two versions, as text or JSON."""
    import json
    from dataclasses import asdict

    from aims_mlops.report.render.one_line import plural
    from aims_mlops.report.render.visible import one_line
    from aims_mlops.report.soa_versions import differences, version_of

    before, after = version_of(register, first), version_of(register, second)
    found = list(differences(choices_of(store, before), choices_of(store, after)))
    if as_json:
        said = {
            "format": "aims-soa-differences/1",
            "before": before.to_body(),
            "after": after.to_body(),
            "differences": [asdict(one) for one in found],
        }
        return json.dumps(said, indent=2)
    lines = [f"From {before.words}", f"to {after.words}: {plural(len(found), 'difference')}."]
    lines += [
        f"{one.control} {one.field}: {one.before or '(nothing)'} → {one.after or '(nothing)'}"
        for one in found
    ]
    return "\n".join(map(one_line, lines))
