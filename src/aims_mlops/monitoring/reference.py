"""Reference profiles in the store: written once for each content, found by id or as the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import EvidenceNotFoundError, InputError
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.measures.drift.reference import ReferenceProfile
from aims_mlops.measures.drift.reference_blob import MEDIA_TYPE

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

LATEST = "latest"

Made = Callable[[str, tuple[Subject, ...], Mapping[str, Any]], Evidence]


def record_profile(
    store: EvidenceStore,
    profile: ReferenceProfile,
    *,
    made: Made,
    system: str | None,
    model: str | None,
    dataset: Subject | None,
) -> Record:
    """The record of a profile; one that the store holds already is not recorded again.

    made : the evidence of a kind, subjects and body; it adds the model.  model : its digest.
    """
    subjects = [Subject(f"reference-profile:{profile.body['name']}", profile.sha256)]
    if dataset is not None:
        subjects.append(dataset)
    wanted = {subject.sha256 for subject in subjects} | ({model} if model is not None else set())
    for record in store.find(kind="reference-profile", subject=profile.sha256):
        held = {subject.sha256 for subject in record.evidence.subjects}
        if wanted <= held and record.evidence.system == system:
            return record
    if profile.blob is not None:
        store.put_blob(profile.blob, media_type=MEDIA_TYPE)
    return store.append(made("reference-profile", tuple(subjects), profile.to_body()))


def stored_profile(
    store: EvidenceStore, reference: str, *, system: str | None, model: str | None
) -> tuple[ReferenceProfile, Record]:
    """The profile of a record id, or the newest of the model or AI system for 'latest'.

    Raises InputError if there is none, VerificationError if it is not what its digest says.
    """
    record, blob = stored_record(store, reference, system=system, model=model)
    return ReferenceProfile.from_body(record.evidence.body, blob), record


def stored_record(
    store: EvidenceStore, reference: str, *, system: str | None, model: str | None
) -> tuple[Record, bytes | None]:
    """The same as its record and blob; whoever reads them checks their digests."""
    if reference == LATEST:
        found = store.find(
            kind="reference-profile", system=system, subject=model, newest_first=True, limit=1
        )
        record = next(iter(found), None)
        if record is None:
            raise InputError(
                "the store holds no reference profile for this model or AI system",
                next_step="aims drift profile DATA",
            )
    else:
        try:
            record = store.get(reference)
        except EvidenceNotFoundError as error:
            raise InputError(
                f"reference {reference!r} is neither a file nor a record",
                next_step="aims evidence list --kind reference-profile",
            ) from error
    if record.evidence.kind != "reference-profile":
        raise InputError(
            f"record {record.id[:12]} is no reference profile", got=record.evidence.kind
        )
    blob = record.evidence.body.get("blob")
    content = None if blob is None else store.get_blob(blob["sha256"])
    return record, content
