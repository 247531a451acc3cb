"""What one record says, in one line, without values of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, TypeAlias

from aims_mlops.evidence import clock
from aims_mlops.evidence.kinds import KINDS
from aims_mlops.evidence.records import Record
from aims_mlops.report.render import reading

LIMIT = 160  # characters


def summarise(record: Record) -> str:
    """One line such as 'refused for production: 2 reasons'; for an unknown kind, that it is."""
    kind = record.evidence.kind
    if kind not in KINDS:
        return "of a kind that this version does not know"
    body = record.evidence.body
    teller = _TELLERS.get(kind)
    parts = teller(body) if teller else [reading.string(body, "name")]
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
        return clock.read(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text


_Body: TypeAlias = Mapping[str, Any]
_Parts: TypeAlias = list[str | None]


def _run(body: _Body) -> _Parts:
    seconds = reading.number(body, "duration_seconds")
    return [
        reading.string(body, "activity"),
        reading.string(body, "name"),
        reading.string(body, "status"),
        reading.string(body, "error"),
        None if seconds is None else duration(seconds),
    ]


def _environment(body: _Body) -> _Parts:
    packages = reading.mapping(body, "packages")
    python = reading.string(body, "python")
    return [
        f"Python {python}" if python else None,
        reading.string(body, "platform"),
        plural(len(packages), "package") if packages else None,
    ]


def _code(body: _Body) -> _Parts:
    commit = reading.string(body, "commit")
    return [
        reading.string(body, "qualified_name"),
        f"commit {commit[:12]}" if commit else "no commit",
        "uncommitted changes" if body.get("dirty") else None,
    ]


def _parameters(body: _Body) -> _Parts:
    left_out = reading.mapping(body, "left_out")
    return [
        plural(len(reading.mapping(body, "parameters")), "parameter"),
        f"{len(left_out)} left out" if left_out else None,
    ]


def _dataset(body: _Body) -> _Parts:
    rows = reading.count(body, "rows")
    return [
        reading.string(body, "name"),
        reading.string(body, "role"),
        None if rows is None else plural(rows, "row"),
    ]


def suite_of(body: _Body) -> str | None:
    """The suite's name, whether the field is the name or an object with it."""
    inner = reading.mapping(body, "suite")
    return reading.string(inner, "name") if inner else reading.string(body, "suite")


def outcome_of(body: _Body) -> str:
    """Such as 'an expectation not met, 21 of 22 met'."""
    success = body.get("success")
    said = "no verdict"
    if isinstance(success, bool):
        said = "every expectation met" if success else "an expectation not met"
    statuses = [entry.get("status") for entry in expectations(body)]
    if statuses:
        said += f", {statuses.count('pass')} of {len(statuses)} met"
    return said


def expectations(body: _Body) -> list[_Body]:
    """The outcomes of a data-quality record, those of another shape left out."""
    entries = reading.sequence(body, "expectations")
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _quality(body: _Body) -> _Parts:
    return [suite_of(body), outcome_of(body)]


def _model(body: _Body) -> _Parts:
    bytes_ = reading.number(body, "size_bytes")
    return [
        reading.string(body, "name"),
        reading.string(body, "class") or reading.string(body, "framework"),
        None if bytes_ is None else size(bytes_),
    ]


def _measured(body: _Body) -> _Parts:
    left_out = body.get("left_out")
    return [
        reading.string(body, "task"),
        plural(len(reading.sequence(body, "figures")), "figure"),
        "something left out" if left_out else None,
    ]


def _drift(body: _Body) -> _Parts:
    return [
        reading.string(body, "verdict") or "no verdict",
        plural(len(reading.sequence(body, "figures")), "figure"),
    ]


def _assessment(body: _Body) -> _Parts:
    return [reading.string(body, "state"), _by("author", body)]


def _answer(body: _Body) -> _Parts:
    return [_by("approver", body), reading.string(body, "reason")]


def _by(role: str, body: _Body) -> str | None:
    person = reading.string(body, role)
    return f"{role} {person}" if person else None


def _decision(body: _Body) -> _Parts:
    allowed = body.get("allowed")
    word = reading.string(body, "verdict") or "undecided"
    if isinstance(allowed, bool) and "verdict" not in body:
        word = "allowed" if allowed else "refused"
    target = reading.string(body, "target")
    refusing = [
        entry
        for entry in reading.sequence(body, "reasons")
        if not isinstance(entry, Mapping) or entry.get("refuses", True)
    ]
    return [
        word + (f" for {target}" if target else ""),
        plural(len(refusing), "reason") if refusing else None,
    ]


def _promotion(body: _Body) -> _Parts:
    alias = reading.string(body, "alias")
    return [f"alias {alias}" if alias else None, reading.string(body, "outcome")]


def _deployment(body: _Body) -> _Parts:
    where = reading.string(body, "where")
    return [
        reading.string(body, "event"),
        f"at {where}" if where else None,
        reading.string(body, "reason"),
    ]


def _inference_log(body: _Body) -> _Parts:
    event = reading.string(body, "event")
    rows, unknown = reading.count(body, "rows"), reading.count(body, "unknown")
    if event == "labels":
        return [
            plural(rows or 0, "label"),
            f"{unknown:,} of no known prediction" if unknown else "",
        ]
    if event == "pruned":
        return [event, f"days before {reading.string(body, 'before')}"]
    if event in ("served", "refused", "served again"):
        reasons = [r for r in reading.sequence(body, "reasons") if isinstance(r, Mapping)]
        rules = [reading.string(reason, "rule") for reason in reasons]
        return [event, reading.string(body, "model_uri"), *rules]
    dropped = reading.mapping(body, "dropped")
    parts: _Parts = [event, f"{plural(rows or 0, 'row')} answered"]
    parts.append(f"{reading.count(body, 'written') or 0:,} written")
    parts += [f"{reading.count(dropped, why)} dropped: {why}" for why in sorted(dropped)]
    lost = reading.count(body, "lost")
    return [*parts, f"{lost:,} lost with a process that was killed" if lost else ""]


def _override(body: _Body) -> _Parts:
    return [f"{reading.string(body, 'who')} decided otherwise than the model"]


def _incident(body: _Body) -> _Parts:
    told = reading.string(reading.mapping(body, "told"), "whom")
    return [
        reading.string(body, "title"),
        reading.string(body, "severity"),
        f"told {told}" if told else None,
        reading.string(body, "note") or reading.string(body, "outcome"),
        reading.string(body, "state"),
    ]


def _gap(body: _Body) -> _Parts:
    return [reading.string(body, n) for n in ("where", "error", "message")]


def _card(body: _Body) -> _Parts:
    model = reading.mapping(reading.mapping(body, "facts"), "model")
    name = reading.string(model, "name")
    return [f"facts of {name}" if name else None]


def _waiver(body: _Body) -> _Parts:
    until = reading.string(body, "expires_at")
    rule = reading.string(body, "rule")
    return [
        f"rule {rule}" if rule else None,
        f"until {moment(until)}" if until else None,
        _by("approver", body),
        reading.string(body, "reason"),
    ]


def _nonconformity(body: _Body) -> _Parts:
    return [reading.string(body, name) for name in ("what", "state", "reason")]


def _monitoring_run(body: _Body) -> _Parts:
    window = reading.mapping(body, "window")
    start = reading.string(window, "start")
    rows = reading.count(body, "rows")
    found = reading.sequence(body, "findings")
    stage = reading.string(body, "stage")
    return [
        reading.string(body, "monitor"),
        f"window of {moment(start)}" if start else None,
        "with labels" if stage == "labels" else None,
        reading.string(body, "outcome"),
        None if rows is None else plural(rows, "row"),
        "late" if body.get("late") is True else None,
        plural(len(found), "finding") if found else None,
    ]


def _notice(body: _Body) -> _Parts:
    about = reading.sequence(body, "about")
    return [
        f"to {reading.string(body, 'recipient')}",
        plural(len(about), "nonconformity", "nonconformities"),
        reading.string(body, "outcome"),
    ]


def _anchor(body: _Body) -> _Parts:
    covered = reading.count(body, "size")
    return [
        None if covered is None else plural(covered, "record"),
        reading.string(body, "method"),
        reading.string(body, "place"),
    ]


def _system(body: _Body) -> _Parts:
    return [reading.string(body, "id"), reading.string(body, "purpose")]


_TELLERS: dict[str, Callable[[_Body], _Parts]] = {
    "system": _system,
    "run": _run,
    "environment": _environment,
    "code": _code,
    "parameters": _parameters,
    "dataset": _dataset,
    "data-quality": _quality,
    "model": _model,
    "model-card": _card,
    "performance": _measured,
    "bias": _measured,
    "drift": _drift,
    "impact-assessment": _assessment,
    "approval": _answer,
    "rejection": _answer,
    "revocation": _answer,
    "decision": _decision,
    "promotion": _promotion,
    "deployment": _deployment,
    "inference-log": _inference_log,
    "override": _override,
    "incident": _incident,
    "gap": _gap,
    "waiver": _waiver,
    "nonconformity": _nonconformity,
    "anchor": _anchor,
    "monitoring-run": _monitoring_run,
    "notice": _notice,
}
