"""What a run has to tell: figures beyond limits, drift that persists, data that are not right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aims_mlops.inventory.declared.monitor import Monitor
from aims_mlops.measures.drift.persistence import persistent_drift
from aims_mlops.monitoring.window import Measured
from aims_mlops.policy.policy import Policy
from aims_mlops.policy.rules import CheckResult, judge

Finding = dict[str, Any]
_ANSWERS = ("prediction", "score")  # columns of an inference log
_SHOWN = 10  # names that a sentence lists


def held_to(policy: Policy | None, measured: Measured) -> list[CheckResult]:
    """Each rule of the policy that is about something that this run measured."""
    if policy is None:
        return []
    found = []
    for rule in policy.rules:
        figures = [
            figure
            for kind, body in measured.bodies
            if rule.kind is None or rule.kind == kind
            for figure in body.get("figures") or ()
        ]
        if any(figure["measure"] == rule.measure for figure in figures):
            found.append(judge(figures, rule))
    return found


def findings(
    monitor: Monitor,
    measured: Measured,
    checks: Sequence[CheckResult],
    windows: Sequence[Mapping[str, Any]],
    later: Sequence[Mapping[str, Any]] = (),
) -> list[Finding]:
    """What is to be told of a run: `what`, `about`, `severity`, `reason`, `next_step`.

    windows : bodies of drift evidence of the windows before, oldest first.  later : of those after
        it that were measured sooner, with which its drift may make a row.
    """
    found = [*_volume(monitor, measured), *_limits(checks), *_repeated(measured)]
    found += [*_odd(measured), *_left_out(measured)]
    for kind, body in measured.bodies:
        if kind == "drift":
            found += [*_schema(monitor, body), *_drift(monitor, [*windows, body], later)]
        elif kind == "data-quality":
            found += _quality(body)
    return [*found, *_labels(measured)]


def _volume(monitor: Monitor, measured: Measured) -> Iterator[Finding]:
    run = measured.run
    if run.stage != "data" or (measured.rows or 0) >= monitor.rows_min:
        return
    window = f"{run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M} UTC"
    have = "no data" if not measured.rows else f"{measured.rows} rows"
    yield _finding(
        "volume",
        f"{have} for {window}, where {monitor.rows_min} or more are expected",
        "see whether the system is used and its inference log is written; files that come late "
        "are measured by the next run",
    )


def _limits(checks: Iterable[CheckResult]) -> Iterator[Finding]:
    for check in checks:
        if check.status in ("fail", "error"):
            yield _finding(
                "limit",
                f"{check.rule}: {check.measure} is {check.observed}, and the limit is "
                f"{check.limit}",
                "look at the run's evidence; correct, demote or retrain the model",
                about=check.rule,
            )


def _drift(
    monitor: Monitor, windows: Sequence[Mapping[str, Any]], later: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """In rows of windows that this one belongs to, the last of `windows`."""
    for more in range(len(later) + 1):
        together = [*windows, *later[:more]]
        alerts = [
            alert
            for alert in persistent_drift(together, persistence=monitor.persistence)
            if alert.since < len(windows)
        ]
        if alerts:
            break
    else:
        return
    names = [f"{alert.column} ({alert.windows} runs)" for alert in alerts]
    yield _finding(
        "persistent-drift",
        f"drift in {monitor.persistence} runs in a row or more: {_listed(names)}",
        "find the cause; then retrain, or take the new state as reference: aims drift profile DATA",
    )


def _schema(monitor: Monitor, body: Mapping[str, Any]) -> Iterator[Finding]:
    served = {monitor.key, monitor.label, monitor.prediction, monitor.score, *_ANSWERS}
    by_kind: dict[str, list[str]] = {}
    for finding in body.get("findings") or ():
        # Ids, labels and answers are in what was served and need not be in what was trained on.
        if finding["finding"] == "new" and finding["column"] in served:
            continue
        by_kind.setdefault(str(finding["finding"]), []).append(str(finding["column"]))
    for what, severity in (("missing", "major"), ("retyped", "major"), ("new", "minor")):
        if columns := by_kind.get(what):
            yield _finding(
                "schema",
                f"{what} against the reference: {_listed(columns)}",
                "put the pipeline right, or record a reference profile of the new shape",
                about=what,
                severity=severity,
            )


def _quality(body: Mapping[str, Any]) -> Iterator[Finding]:
    if body.get("success") is not False:
        return
    failed = [e for e in body["expectations"] if e["status"] != "pass"]
    names = [f"{e['type']} of {e['column'] or 'the table'}" for e in failed]
    yield _finding(
        "quality",
        f"{len(failed)} of {len(body['expectations'])} expectations do not hold: {_listed(names)}",
        "look at the run's evidence of data quality, and put the pipeline right",
    )


def _repeated(measured: Measured) -> Iterator[Finding]:
    if measured.repeated:
        yield _finding(
            "repeated-file",
            f"files with the content of another one, counted once: {_listed(measured.repeated)}",
            "see why the same data are delivered twice",
            severity="minor",
        )


def _odd(measured: Measured) -> Iterator[Finding]:
    by_kind: dict[str, list[str]] = {}
    for problem in measured.problems:
        if problem["what"] != "late file":  # the window is measured again with it
            told = f"{problem['file']}: {problem['words']}"
            by_kind.setdefault(problem["what"], []).append(told)
    for what, files in by_kind.items():
        yield _finding(
            "inference-log",
            f"{what}: {_listed(files)}",
            "see what writes the inference log; nothing of it was lost",
            about=what.replace(" ", "-"),
            severity="minor",
        )


def _left_out(measured: Measured) -> Iterator[Finding]:
    if measured.left_out:
        names = [f"{file['name']}: {file['reason']}" for file in measured.left_out]
        yield _finding(
            "odd-file",
            f"{len(names)} of {len(names) + len(measured.files)} files of the window were left "
            f"out, the others measured: {_listed(names)}",
            "write what is named as the other files are; the window is measured again with it",
        )


def _labels(measured: Measured) -> Iterator[Finding]:
    labels = measured.labels or {}
    for name, words in (
        ("unknown_requests", "labels for requests that the window does not have"),
        ("given_twice", "requests that have more than one label; the last one counts"),
    ):
        if labels.get(name):
            yield _finding(
                "labels",
                f"{labels[name]} {words}",
                "see whether labels and predictions are of the same window and key",
                about=name,
                severity="minor",
            )


def _finding(
    what: str,
    reason: str,
    next_step: str,
    *,
    about: str | None = None,
    severity: str = "major",
) -> Finding:
    return {
        "what": what,
        "about": about,
        "severity": severity,
        "reason": reason,
        "next_step": next_step,
    }


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
