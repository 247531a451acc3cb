"""What `aims drift` measures and puts into the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aims_mlops.cli.plain import plain
from aims_mlops.cli.table import table
from aims_mlops.errors import InputError, ModelNotFoundError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.actor import current_actor
from aims_mlops.inventory.project import Project, find_project
from aims_mlops.measures.drift.measure import DriftResult, measure_drift
from aims_mlops.measures.drift.reference import ReferenceProfile, build_reference_profile
from aims_mlops.monitoring import reference as reference_records

_SHOWN = 20  # columns in the text; --json and the evidence have all


@dataclass(frozen=True)
class Session:
    """Where evidence goes, and whom and what it is about."""

    project: Project
    store: EvidenceStore
    actor: str
    model: ModelReference | None
    system: str | None

    def evidence(
        self, kind: str, subjects: tuple[Subject, ...], body: Mapping[str, Any]
    ) -> Evidence:
        """Evidence of this command, about its model if there is one."""
        about = () if self.model is None else (self.model.subject,)
        return Evidence(
            kind=kind,
            subjects=(*about, *subjects),
            body=body,
            actor=self.actor,
            claimed_at=now(),
            system=self.system,
        )

    def dataset(self, path: str) -> Subject:
        """The dataset behind a path, by the digest of its content."""
        from aims_mlops.measures.fingerprint.table_digest import fingerprint

        return Subject(f"dataset:{Path(path).name}", fingerprint(path).sha256)


def open_session(*, model: str | None, system: str | None) -> Session:
    """The project's store, with the model resolved and the AI system checked.

    Raises ModelNotFoundError, InputError for an unknown system, StoreError.
    """
    project = find_project()
    found = None
    if model is not None:
        from aims_mlops.plugins import hooks

        found = hooks().resolve_model(uri=model)
        if found is None:
            raise ModelNotFoundError(
                f"no plugin knows the model {model!r}",
                expected="such as models:/name/3, models:/name@alias or a path",
                next_step="aims plugins",
            )
    if system is not None and project.system(system) is None:
        raise InputError(
            f"aims.yaml declares no AI system {system!r}",
            expected=", ".join(s.id for s in project.systems) or "none is declared yet",
        )
    if system is None and found is not None and found.name is not None:
        declared = project.system_of_model(found.name)
        system = None if declared is None else declared.id
    return Session(project, project.open_store(), current_actor(project), found, system)


def record_profile(
    session: Session, profile: ReferenceProfile, *, dataset: Subject | None
) -> Record:
    """The record of a profile; one that the store holds already is not recorded again."""
    return reference_records.record_profile(
        session.store,
        profile,
        made=session.evidence,
        system=session.system,
        model=None if session.model is None else session.model.sha256,
        dataset=dataset,
    )


@dataclass(frozen=True)
class Outcome:
    """A measurement with its records."""

    result: DriftResult
    drift: Record
    profile: Record
    report: str | None = None
    steps: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "verdict": self.result.verdict,
            "drifted": list(self.result.drifted),
            "record": self.drift.id,
            "reference_profile": self.profile.id,
            "evidently_report": self.report,
            **self.result.to_dict(),
        }

    def text(self) -> str:
        """What is printed for people."""
        result = self.result
        order = {"drift": 0, "insufficient": 1, "no drift": 2}
        columns = sorted(result.columns.items(), key=lambda item: order[item[1]["verdict"]])
        lines = [f"Verdict: {result.verdict}, over {len(columns)} columns."]
        if columns:
            lines.append(
                table(
                    ("COLUMN", "VERDICT", "METHOD", "WHY"),
                    [
                        (n, e["verdict"], e["method"] or "-", e["reason"])
                        for n, e in columns[:_SHOWN]
                    ],
                )
            )
        if len(columns) > _SHOWN:
            lines.append(f"… and {len(columns) - _SHOWN} more: --json has all.")
        performance = result.extra["performance"]
        if performance is not None:
            lines.append(f"Performance: {performance['verdict']}; {performance['reason']}.")
        lines += [
            f"Found: {plain(f['column'])}: {f['finding']}, {plain(f['text'])}."
            for f in result.findings
        ]
        lines.append(
            f"Recorded drift as record {self.drift.id[:12]}, against reference profile "
            f"{self.profile.id[:12]}."
        )
        if self.report is not None:
            lines.append(f"Attached Evidently's report of a sample as blob {self.report[:12]}.")
        lines += [f"Next: {step}" for step in self.steps]
        return "\n".join(lines)


def measure_and_record(
    session: Session,
    reference: str,
    current: str,
    *,
    evidently_report: bool = False,
    **arguments: Any,
) -> Outcome:
    """Measure a batch, record the profile it was held against (if new) and the drift.

    reference : a file, a record id, or 'latest'.  arguments : those of `measure_drift`.
    """
    dataset = None
    if Path(reference).exists():
        result = measure_drift(reference, current, **arguments)
        dataset = session.dataset(reference)
        profile = build_reference_profile(
            reference,
            variant="compact",
            methods=arguments["methods"],
            target=arguments["target"],
            prediction=arguments["prediction"],
            name=Path(reference).name,
        )
        profile_record = record_profile(session, profile, dataset=dataset)
    else:
        if evidently_report:
            raise InputError(
                "Evidently's report needs the reference data, not a profile of them",
                next_step="pass the file as --reference, or leave --evidently-report out",
            )
        profile, profile_record = reference_records.stored_profile(
            session.store,
            reference,
            system=session.system,
            model=None if session.model is None else session.model.sha256,
        )
        result = measure_drift(profile, current, **arguments)
    batch = session.dataset(current)
    body = result.to_body()
    body["reference"] |= {
        "profile": profile.sha256,
        "dataset": None if dataset is None else dataset.sha256,
        "name": profile.body["name"],
    }
    body["current"] |= {"name": Path(current).name, "sha256": batch.sha256}
    report = None
    if evidently_report:
        from aims_mlops.measures.drift.evidently_report import MEDIA_TYPE as HTML
        from aims_mlops.measures.drift.evidently_report import evidently_html

        blob = session.store.put_blob(evidently_html(reference, current), media_type=HTML)
        report = blob.sha256
        body["evidently_report"] = {
            "sha256": blob.sha256,
            "size": blob.size,
            "media_type": blob.media_type,
        }
    subjects = [batch, Subject(f"reference-profile:{profile.body['name']}", profile.sha256)]
    subjects += [subject for subject in profile_record.evidence.subjects if _is_dataset(subject)]
    drift = session.store.append(session.evidence("drift", tuple(subjects), body))
    return Outcome(result, drift, profile_record, report, _steps(result, drift, session))


def _is_dataset(subject: Subject) -> bool:
    return subject.name.startswith("dataset:")


def _steps(result: DriftResult, drift: Record, session: Session) -> tuple[str, ...]:
    shown = f"aims evidence show {drift.id[:12]}"
    if result.verdict == "drift":
        return (f"{shown}; look at the columns above before the model is used further",)
    if result.verdict == "insufficient":
        needed = [
            entry["rows_needed"]
            for entry in result.columns.values()
            if entry["verdict"] == "insufficient" and entry["rows_needed"]
        ]
        rows = f"at least {max(needed)} rows on each side" if needed else "more rows"
        return (
            (
                f"measure again with {rows}: several batches in one file; or let a schedule do it "
                "(monitoring: in aims.yaml), which adds earlier windows until there are enough"
            ),
        )
    if session.model is None:
        return ("add --model to tie the next measurement to a model",)
    return (shown,)
