"""What one record says, in one line, without values of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from functools import singledispatch
from typing import Any, TypeAlias

from aims_mlops.evidence import clock
from aims_mlops.evidence.bodies.body import NEWEST, Body
from aims_mlops.evidence.bodies.consent import (
    AboutEntryBody,
    ConsentBody,
    ImpactAssessmentBody,
)
from aims_mlops.evidence.bodies.data import (
    DataQualityBody,
    DatasetBody,
    ModelBody,
    ModelCardBody,
)
from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody, WaiverBody
from aims_mlops.evidence.bodies.log import AnchorBody
from aims_mlops.evidence.bodies.management import EntryBody
from aims_mlops.evidence.bodies.measured import DriftBody, EvaluationBody
from aims_mlops.evidence.bodies.operation import (
    DeploymentBody,
    IncidentBody,
    InferenceLogBody,
    MonitoringRunBody,
    NonconformityBody,
    NoticeBody,
    OverrideBody,
)
from aims_mlops.evidence.bodies.organisation import SystemBody
from aims_mlops.evidence.bodies.run import (
    CodeBody,
    EnvironmentBody,
    GapBody,
    ParametersBody,
    RunBody,
)
from aims_mlops.evidence.kinds import KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.report.render import reading

LIMIT = 160  # characters


def summarise(record: Record) -> str:
    """One line such as 'refused for production: 2 reasons'; for an unknown kind, that it is."""
    kind = record.evidence.kind
    if kind not in KINDS:
        return "of a kind that this version does not know"
    parts = _parts_of(NEWEST[kind].of(record))
    text = ", ".join(part for part in parts if part) or KINDS[kind].line
    text = " ".join(text.split())
    return text if len(text) <= LIMIT else text[: LIMIT - 2] + " …"


def plural(n: int, one: str, many: str | None = None) -> str:
    """'1 record', '2 records'."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def size(n: float) -> str:
    """Bytes in decimal units, such as '1.2 MB'."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n < 1_000:
            return f"{n:.0f} {unit}" if unit == "bytes" else f"{n:.1f} {unit}"
        n /= 1_000
    return f"{n:.1f} TB"


def duration(seconds: float) -> str:
    """Such as '0.4 s', '12 min', '3.5 h'."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"


def day(text: str) -> str:
    """'2026-11-21' of an RFC 3339 time; the text itself if it is none."""
    return moment(text)[:10]


def moment(text: str) -> str:
    """'2026-11-21 09:30 UTC' of an RFC 3339 time; the text itself if it is none."""
    try:
        return clock.parse(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text


_Parts: TypeAlias = list[str | None]


@singledispatch
def _parts_of(body: Body) -> _Parts:
    """What to say of a body, by its class; a kind without words of its own says its name."""
    return [reading.string(body.raw, "name")]


@_parts_of.register
def _entry(body: EntryBody) -> _Parts:
    return [reading.text(body.step), reading.text(body.id), reading.text(body.title)]


@_parts_of.register
def _about_entry(body: AboutEntryBody) -> _Parts:
    verdict = reading.string(body.raw, "verdict") or "read and understood"
    return [verdict, reading.text(body.register), reading.text(body.id)]


@_parts_of.register
def _run(body: RunBody) -> _Parts:
    seconds = reading.finite(body.duration_seconds)
    return [
        reading.text(body.activity),
        reading.text(body.name),
        reading.text(body.status),
        reading.text(body.error),
        None if seconds is None else duration(seconds),
    ]


@_parts_of.register
def _environment(body: EnvironmentBody) -> _Parts:
    packages = body.packages or {}
    python = reading.text(body.python)
    return [
        f"Python {python}" if python else None,
        reading.text(body.platform),
        plural(len(packages), "package") if packages else None,
    ]


@_parts_of.register
def _code(body: CodeBody) -> _Parts:
    commit = reading.text(body.commit)
    return [
        reading.text(body.qualified_name),
        f"commit {commit[:12]}" if commit else "no commit",
        "uncommitted changes" if body.dirty else None,
    ]


@_parts_of.register
def _parameters(body: ParametersBody) -> _Parts:
    left_out = body.left_out or {}
    return [
        plural(len(body.parameters or ()), "parameter"),
        f"{len(left_out)} left out" if left_out else None,
    ]


@_parts_of.register
def _dataset(body: DatasetBody) -> _Parts:
    rows = reading.whole(body.rows)
    return [
        reading.text(body.name),
        reading.text(body.role),
        None if rows is None else plural(rows, "row"),
    ]


def suite_of(body: DataQualityBody) -> str | None:
    """The suite's name, whether the field is the name or an object with it."""
    if isinstance(body.suite, Mapping):
        return reading.string(body.suite, "name")
    return reading.text(body.suite)


def outcome_of(body: DataQualityBody) -> str:
    """Such as 'an expectation not met, 21 of 22 met'."""
    success = body.success
    said = "no verdict"
    if success is not None:
        said = "every expectation met" if success else "an expectation not met"
    statuses = [entry.get("status") for entry in expectations(body)]
    if statuses:
        said += f", {statuses.count('pass')} of {len(statuses)} met"
    return said


def expectations(body: DataQualityBody) -> list[Mapping[str, Any]]:
    """The outcomes of a data-quality record, those of another shape left out."""
    entries = body.expectations or ()
    return [entry for entry in entries if isinstance(entry, Mapping)]


@_parts_of.register
def _quality(body: DataQualityBody) -> _Parts:
    return [suite_of(body), outcome_of(body)]


@_parts_of.register
def _model(body: ModelBody) -> _Parts:
    bytes_ = reading.finite(body.size_bytes)
    return [
        reading.text(body.name),
        reading.text(body.class_) or reading.text(body.framework),
        None if bytes_ is None else size(bytes_),
    ]


@_parts_of.register
def _measured(body: EvaluationBody) -> _Parts:
    left_out = body.left_out
    return [
        reading.text(body.task),
        plural(len(body.figures or ()), "figure"),
        "something left out" if left_out else None,
    ]


@_parts_of.register
def _drift(body: DriftBody) -> _Parts:
    return [
        reading.text(body.verdict) or "no verdict",
        plural(len(body.figures or ()), "figure"),
    ]


@_parts_of.register
def _assessment(body: ImpactAssessmentBody) -> _Parts:
    return [reading.text(body.state), _by("author", body.author)]


@_parts_of.register
def _answer(body: ConsentBody) -> _Parts:
    return [_by("approver", body.approver), reading.text(body.reason)]


def _by(role: str, name: str | None) -> str | None:
    person = reading.text(name)
    return f"{role} {person}" if person else None


@_parts_of.register
def _decision(body: DecisionBody) -> _Parts:
    allowed = body.allowed
    word = reading.text(body.verdict) or "undecided"
    if allowed is not None and body.verdict is None:
        word = "allowed" if allowed else "refused"
    target = reading.text(body.target)
    refusing = [
        entry
        for entry in (body.reasons or ())
        if not isinstance(entry, Mapping) or entry.get("refuses", True)
    ]
    return [
        word + (f" for {target}" if target else ""),
        plural(len(refusing), "reason") if refusing else None,
    ]


@_parts_of.register
def _promotion(body: PromotionBody) -> _Parts:
    alias = reading.text(body.alias)
    return [f"alias {alias}" if alias else None, reading.text(body.outcome)]


@_parts_of.register
def _deployment(body: DeploymentBody) -> _Parts:
    where = reading.text(body.where)
    return [
        reading.text(body.event),
        f"at {where}" if where else None,
        reading.text(body.reason),
    ]


@_parts_of.register
def _inference_log(body: InferenceLogBody) -> _Parts:
    event = reading.text(body.event)
    rows, unknown = reading.whole(body.rows), reading.whole(body.unknown)
    if event == "labels":
        return [
            plural(rows or 0, "label"),
            f"{unknown:,} of no known prediction" if unknown else "",
        ]
    if event == "pruned":
        return [event, f"days before {reading.text(body.before)}"]
    if event in ("served", "refused", "served again"):
        reasons = [r for r in (body.reasons or ()) if isinstance(r, Mapping)]
        rules = [reading.string(reason, "rule") for reason in reasons]
        return [event, reading.text(body.model_uri), *rules]
    dropped = body.dropped or {}
    parts: _Parts = [event, f"{plural(rows or 0, 'row')} answered"]
    parts.append(f"{reading.whole(body.written) or 0:,} written")
    parts += [f"{reading.count(dropped, why)} dropped: {why}" for why in sorted(dropped)]
    lost = reading.whole(body.lost)
    return [*parts, f"{lost:,} lost with a process that was killed" if lost else ""]


@_parts_of.register
def _override(body: OverrideBody) -> _Parts:
    return [f"{reading.text(body.who)} decided otherwise than the model"]


@_parts_of.register
def _incident(body: IncidentBody) -> _Parts:
    told = reading.string((body.told or {}), "whom")
    return [
        reading.text(body.title),
        reading.text(body.severity),
        f"told {told}" if told else None,
        reading.text(body.note) or reading.text(body.outcome),
        reading.text(body.state),
    ]


@_parts_of.register
def _gap(body: GapBody) -> _Parts:
    return [reading.text(said) for said in (body.where, body.error, body.message)]


@_parts_of.register
def _card(body: ModelCardBody) -> _Parts:
    model = reading.mapping((body.facts or {}), "model")
    name = reading.string(model, "name")
    return [f"facts of {name}" if name else None]


@_parts_of.register
def _waiver(body: WaiverBody) -> _Parts:
    until = reading.text(body.expires_at)
    rule = reading.text(body.rule)
    return [
        f"rule {rule}" if rule else None,
        f"until {moment(until)}" if until else None,
        _by("approver", body.approver),
        reading.text(body.reason),
    ]


@_parts_of.register
def _nonconformity(body: NonconformityBody) -> _Parts:
    return [reading.text(said) for said in (body.what, body.state, body.reason)]


@_parts_of.register
def _monitoring_run(body: MonitoringRunBody) -> _Parts:
    window = body.window or {}
    start = reading.string(window, "start")
    rows = reading.whole(body.rows)
    found = body.findings or ()
    stage = reading.text(body.stage)
    return [
        reading.text(body.monitor),
        f"window of {moment(start)}" if start else None,
        "with labels" if stage == "labels" else None,
        reading.text(body.outcome),
        None if rows is None else plural(rows, "row"),
        "late" if body.late is True else None,
        plural(len(found), "finding") if found else None,
    ]


@_parts_of.register
def _notice(body: NoticeBody) -> _Parts:
    about = body.about or ()
    return [
        f"to {reading.text(body.recipient)}",
        plural(len(about), "nonconformity", "nonconformities"),
        reading.text(body.outcome),
    ]


@_parts_of.register
def _anchor(body: AnchorBody) -> _Parts:
    covered = reading.whole(body.size)
    return [
        None if covered is None else plural(covered, "record"),
        reading.text(body.method),
        reading.text(body.place),
    ]


@_parts_of.register
def _system(body: SystemBody) -> _Parts:
    return [reading.text(body.id), reading.text(body.purpose)]
