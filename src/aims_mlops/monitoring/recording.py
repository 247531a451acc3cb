"""What a scheduled run comes to, as one batch of records: all of it is in the log, or nothing."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import AimsError, EvidenceConflictError, InputError
from aims_mlops.evidence.clock import now as clock_now
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.inventory.declared.monitor import Monitor
from aims_mlops.monitoring.findings import findings, held_to
from aims_mlops.monitoring.reference import record_profile, stored_record
from aims_mlops.monitoring.trend import Trend, drawn, trend_of
from aims_mlops.monitoring.window import Measured, told_of
from aims_mlops.operations.schedule.due_runs import RUN_KIND, Scheduled
from aims_mlops.operations.schedule.schedules import Schedule
from aims_mlops.policy.loading import load_policy
from aims_mlops.policy.policy import Policy

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

_SVG = "image/svg+xml"
ACTOR = "aims-monitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run that is in the log now.

    outcome : `measured`, `no data` or `failed`.  again : the log had a record of it before.
    """

    id: str
    record: Record
    outcome: str
    late: bool
    again: bool
    findings: tuple[Mapping[str, Any], ...]

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        return {
            "id": self.id,
            "record": self.record.id,
            "outcome": self.outcome,
            "late": self.late,
            "again": self.again,
            "findings": [dict(finding) for finding in self.findings],
        }


@dataclass
class ScheduleRuns:
    """What the runs of one schedule share."""

    store: EvidenceStore
    project: Project
    schedule: Schedule
    _drift: dict[str, Mapping[str, Any]] | None = field(default=None)
    _profile: tuple[Mapping[str, Any], bytes | None] | None = field(default=None)
    _policy: Policy | None = field(default=None)

    @property
    def profile(self) -> tuple[Mapping[str, Any], bytes | None] | None:
        """Body and blob of what drift is measured against; read once. Raises InputError.

        A file is profiled, and the profile recorded, so that the log has what was measured against.
        """
        monitor = self.schedule.monitor
        if "drift" not in monitor.measures:
            return None
        if self._profile is None:
            file = self.project.root / monitor.reference
            if file.exists():
                from aims_mlops.measures.drift.reference import build_reference_profile

                built = build_reference_profile(
                    str(file), variant="compact", prediction=monitor.prediction, name=file.name
                )
                system = self.schedule.system.id
                record_profile(
                    self.store, built, made=self._made, system=system, model=None, dataset=None
                )
                self._profile = (built.to_body(), built.blob)
            else:
                record, blob = self._stored_profile(monitor.reference)
                self._profile = (record.evidence.body, blob)
        return self._profile

    def _stored_profile(self, reference: str) -> tuple[Record, bytes | None]:
        """Under the present id of the system, else under one that it had before."""
        ids = self.schedule.all_names.of(self.schedule.system.id)
        for id_ in ids[:-1]:
            with contextlib.suppress(InputError):
                return stored_record(self.store, reference, system=id_, model=None)
        return stored_record(self.store, reference, system=ids[-1], model=None)

    @property
    def policy(self) -> Policy | None:
        """The policy that the runs are held against; None without one."""
        limits = self.schedule.monitor.limits
        if limits is None:
            return None
        if self._policy is None:
            path = self.project.root / limits
            self._policy = load_policy(path if path.is_file() else limits)
        return self._policy

    def record(self, run: Scheduled, measured: Measured, listed: list[Any], now: datetime) -> Ran:
        """The run as records, all or none; a failure that is in the log already is not repeated."""
        measured, policy = self._held_against(measured)
        checks = held_to(policy, measured)
        failed = self.schedule.failed.get(run.id)
        if measured.error:
            if failed is not None and failed.evidence.body.get("error") == dict(measured.error):
                return _ran(run, failed, again=True)
            found = [_failed(run, measured.error)]
            measured = replace(measured, bodies=(), plots=())  # the run that mends it records them
            trend: Trend = []
        else:
            before = self._windows_before(run)
            after = self._windows_after(run)
            found = findings(self.schedule.monitor, measured, checks, before, after)
            trend = trend_of([*before, *(b for kind, b in measured.bodies if kind == "drift")])
            measured = _with_trend(self.schedule.monitor, measured, trend)
        outcome = "failed" if measured.error else "measured" if measured.rows else "no data"
        subjects = self._subjects(run, measured)
        earlier = self.schedule.done.get(run.id)
        summary = {
            "monitor": self.schedule.monitor.id,
            "stage": run.stage,
            "window": {"start": stamp(run.start), "end": stamp(run.end)},
            "due": stamp(run.due),
            "late": now > run.missed_at,
            "outcome": outcome,
            "error": dict(measured.error) if measured.error else None,
            "rows": measured.rows,
            "files": list(measured.files),
            "listed": listed,
            "repeated": list(measured.repeated),
            "left_out": [dict(file) for file in measured.left_out],
            "labels": dict(measured.labels) if measured.labels else None,
            "measured": [kind for kind, _ in measured.bodies],
            "figures": _volume_figure(measured),
            "reference": self._profile[0]["sha256"] if self._profile else None,
            "limits": policy.digest if policy else None,
            "checks": [check.to_body() for check in checks],
            "findings": found,
            "trend": trend,
            "plots": [
                {"of": kind} | asdict(self.store.put_blob(svg.encode(), media_type=_SVG))
                for kind, svg in measured.plots
            ],
            "replaces": earlier.id if earlier is not None else None,
        }
        batch = [
            self._evidence(run, kind, self._about(kind, subjects), body, now)
            for kind, body in measured.bodies
        ]
        batch.append(
            self._evidence(run, RUN_KIND, (self.schedule.subject, *subjects), summary, now)
        )
        record, ours = _stored(self.store, run, batch, after=(earlier, failed))
        if not ours:
            self._drift = None
            return _ran(run, record, again=True)
        for kind, body in measured.bodies:
            if kind == "drift":
                self._windows()[stamp(run.start)] = body
        return _ran(run, record, again=earlier is not None)

    def _held_against(self, measured: Measured) -> tuple[Measured, Policy | None]:
        """A policy that cannot be read is told like anything else that breaks."""
        try:
            return measured, self.policy
        except AimsError as error:
            return replace(measured, error=measured.error or told_of(error)), None

    def _subjects(self, run: Scheduled, measured: Measured) -> tuple[Subject, ...]:
        subjects = []
        if measured.batch is not None:
            subjects.append(Subject(*measured.batch))
        model = self.schedule.operation.model_at(run.end)
        if model is not None:
            subjects.append(Subject(f"model:{self.schedule.system.id}", model))
        return tuple(subjects)

    def _about(self, kind: str, subjects: tuple[Subject, ...]) -> tuple[Subject, ...]:
        if kind != "drift" or self._profile is None:
            return subjects
        body = self._profile[0]
        return (*subjects, Subject(f"reference-profile:{body['name']}", body["sha256"]))

    def _made(self, kind: str, subjects: tuple[Subject, ...], body: Mapping[str, Any]) -> Evidence:
        return Evidence(
            kind=kind,
            subjects=subjects,
            body=body,
            actor=ACTOR,
            claimed_at=clock_now(),
            system=self.schedule.system.id,
        )

    def _evidence(
        self,
        run: Scheduled,
        kind: str,
        subjects: tuple[Subject, ...],
        body: Mapping[str, Any],
        now: datetime,
    ) -> Evidence:
        return Evidence(
            kind=kind,
            subjects=subjects,
            body=body,
            actor=ACTOR,
            claimed_at=stamp(now),
            system=self.schedule.system.id,
            run=run.id,
        )

    def _windows(self) -> dict[str, Mapping[str, Any]]:
        """Newest drift evidence of this monitor by the start of its window."""
        if self._drift is None:
            prefixes = tuple(f"{name}/" for name in self.schedule.names)
            self._drift = {
                str(record.evidence.body["window"]["start"]): record.evidence.body
                for id_ in reversed(self.schedule.all_names.of(self.schedule.system.id))
                for record in self.store.find(kind="drift", system=id_)
                if (record.evidence.run or "").startswith(prefixes)
            }
        return self._drift

    def _windows_before(self, run: Scheduled) -> list[Mapping[str, Any]]:
        start = stamp(run.start)
        return [body for at, body in sorted(self._windows().items()) if at < start]

    def _windows_after(self, run: Scheduled) -> list[Mapping[str, Any]]:
        """Those that were measured before it though they are newer."""
        start = stamp(run.start)
        return [body for at, body in sorted(self._windows().items()) if at > start]


def _stored(
    store: EvidenceStore, run: Scheduled, batch: list[Evidence], *, after: Sequence[Record | None]
) -> tuple[Record, bool]:
    """The run's own record, the last of the batch, and whether this process stored it.

    after : what the log had of this run. Its key follows from that, so that of two machines that
    measured the same window only one records it, with all that it measured.
    """
    known = " ".join(record.id for record in after if record is not None)
    key = hashlib.sha256(f"{RUN_KIND}\n{run.id}\n{known}".encode()).hexdigest()
    try:
        return store.append_many(batch, keys=[*[None] * (len(batch) - 1), key])[-1], True
    except EvidenceConflictError:
        (newest,) = store.find(kind=RUN_KIND, run=run.id, newest_first=True, limit=1)
        return newest, False


def _ran(run: Scheduled, record: Record, *, again: bool) -> Ran:
    body = record.evidence.body
    return Ran(
        id=run.id,
        record=record,
        outcome=str(body["outcome"]),
        late=bool(body["late"]),
        again=again,
        findings=tuple(body["findings"]),
    )


def _with_trend(monitor: Monitor, measured: Measured, trend: Trend) -> Measured:
    """With a picture of the trend beside the other pictures, where there is one to see."""
    if monitor.plots == "never" or not any(kind == "drift" for kind, _ in measured.bodies):
        return measured
    svg = drawn(trend)
    return measured if svg is None else replace(measured, plots=(*measured.plots, ("trend", svg)))


def _volume_figure(measured: Measured) -> list[dict[str, Any]]:
    if measured.rows is None:
        return []
    return [{"measure": "row_count", "group": None, "value": measured.rows, "n": measured.rows}]


def _failed(run: Scheduled, error: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "what": "failed-run",
        "about": None,
        "severity": "major",
        "reason": f"{run.id} could not be measured: {error['message']}",
        "next_step": error.get("next_step") or "put right what is named, then aims monitor run",
    }
