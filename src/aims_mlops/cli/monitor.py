"""`aims monitor`: scheduled measuring, and the alarm when it did not happen."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from aims_mlops.evidence.records import Record
    from aims_mlops.inventory.project import Project
    from aims_mlops.monitoring.cycle import Round
    from aims_mlops.monitoring.recording import Ran
    from aims_mlops.operations.alarms.alarm import Alarm
    from aims_mlops.operations.schedule.schedules import Schedule

_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
_WORKERS = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes that measure; as many as there are processors by default.",
)


@click.group("monitor")
def group() -> None:
    """Measure systems in operation on schedule, and see what did not happen."""


@group.command("run")
@click.option("--system", help="Only this AI system; all by default.")
@_WORKERS
@_JSON
@click.pass_context
def run(ctx: click.Context, system: str | None, workers: int | None, as_json: bool) -> None:
    """Do every run that is due, as `monitoring` in aims.yaml says, and catch up on missed ones.

    It can be called as often as wanted: what is done is not done again. Exit 0: nothing is wrong.
    1: something is; see aims monitor status. 2: a run failed, a notice could not be sent, or
    another process is at it.
    """
    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.monitoring.cycle import run_cycle

    project = _project(system)
    done = run_cycle(
        project,
        every_alarm,
        now=datetime.now(UTC),
        system=system,
        workers=workers,
        told=(lambda ran: None) if as_json else _say,
    )
    if as_json:
        click.echo(json.dumps(done.to_body(), indent=2, ensure_ascii=False))
    else:
        _summary(done)
    ctx.exit(_code(done))


@group.command("start")
@click.option(
    "--every",
    "seconds",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="Seconds between two looks at what is due.",
)
@_WORKERS
def start(seconds: float, workers: int | None) -> None:
    """Keep looking for what is due, in this process, until it is told to end.

    For one machine. In production let systemd, cron or Kubernetes call `aims monitor run`; the
    folder hooks has files for them.
    """
    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.monitoring.scheduler import keep_running

    project = _project(None)
    click.echo(f"Looking every {seconds:g} s for what is due. End with Ctrl-C or SIGTERM.")
    keep_running(
        project,
        every_alarm,
        seconds=seconds,
        workers=workers,
        told=_say,
        broken=lambda error: click.echo(f"! {error}", err=True),
    )
    click.echo("Ended.")


@group.command("status")
@click.option("--system", help="Only this AI system; all by default.")
@_JSON
@click.pass_context
def status(ctx: click.Context, system: str | None, as_json: bool) -> None:
    """Show every schedule, what did not happen, and what is wrong now.

    Computed from aims.yaml and the log; no scheduler is asked. Exit 0: nothing is wrong. 1:
    something is.
    """
    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.operations.nonconformity import nonconformities
    from aims_mlops.operations.schedule.schedules import schedules

    project = _project(system)
    store = project.open_store()
    now = datetime.now(UTC)
    found = schedules(store, project.systems, now, only=system)
    wrong = [a for a in every_alarm(store, project, now) if system in (None, a.system)]
    if as_json:
        body = {
            "schedules": [_schedule(schedule, now) for schedule in found],
            "alarms": [alarm.to_body() for alarm in wrong],
        }
        click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        still_open = [n for n in nonconformities(store) if n.is_open and system in (None, n.system)]
        _show(found, wrong, len(still_open), now)
    ctx.exit(1 if wrong else 0)


_REASON = click.option("--reason", required=True, help="Why, in a sentence.")


@group.command("change")
@click.argument("schedule", metavar="SYSTEM/MONITOR")
@_REASON
def change(schedule: str, reason: str) -> None:
    """Record that a schedule runs as aims.yaml says from now on. What was due stays due."""
    from aims_mlops.operations.schedule.steps import change_schedule

    _step(change_schedule, schedule, reason)


@group.command("end")
@click.argument("schedule", metavar="SYSTEM/MONITOR")
@_REASON
def end(schedule: str, reason: str) -> None:
    """Record that a schedule that aims.yaml has no longer has ended. What was due stays due."""
    from aims_mlops.operations.schedule.steps import end_schedule

    _step(end_schedule, schedule, reason)


def _step(step: Callable[..., Record], schedule: str, reason: str) -> None:
    from aims_mlops.cli.plain import plain
    from aims_mlops.inventory.actor import current_actor

    project = _project(None)
    record = step(
        project.open_store(),
        project,
        schedule,
        actor=current_actor(project),
        now=datetime.now(UTC),
        reason=reason,
    )
    event = record.evidence.body["event"]
    click.echo(plain(f"✓ {schedule} {event} (record {record.id[:12]})"))


def _project(system: str | None) -> Project:
    from aims_mlops.errors import InputError
    from aims_mlops.inventory.project import find_project

    project = find_project()
    if system is not None and project.system(system) is None:
        raise InputError(
            f"aims.yaml declares no AI system {system!r}",
            expected=", ".join(s.id for s in project.systems) or "none is declared yet",
        )
    return project


def _code(done: Round) -> int:
    if not done.held or done.undelivered or any(r.outcome == "failed" for r in done.runs):
        return 2
    return 1 if done.alarms else 0


def _say(ran: Ran) -> None:
    from aims_mlops.cli.plain import plain

    late = ", late" if ran.late else ""
    mark = {"measured": "✓", "no data": "–"}.get(ran.outcome, "✗")
    click.echo(plain(f"{mark} {ran.id}: {ran.outcome}{late} (record {ran.record.id[:12]})"))
    for finding in ran.findings:
        click.echo(plain(f"    {finding['what']}: {finding['reason']}"))


def _summary(done: Round) -> None:
    from aims_mlops.cli.plain import plain

    if not done.held:
        click.echo("Another process of this project is at it; nothing was done.", err=True)
        return
    if not done.runs:
        click.echo("Nothing is due.")
    for record in done.opened:
        body = record.evidence.body
        click.echo(plain(f"! nonconformity {record.id[:12]}, {body['what']}: {body['reason']}"))
    for notice in done.notices:
        body = notice.evidence.body
        problem = f": {body['problem']}" if body["problem"] else ""
        click.echo(plain(f"Notice to {body['recipient']}: {body['outcome']}{problem}"))
    if done.alarms:
        click.echo(f"{len(done.alarms)} found wrong by now: aims nonconformity list")


def _schedule(schedule: Schedule, now: datetime) -> dict[str, Any]:
    from aims_mlops.evidence.clock import stamp
    from aims_mlops.operations.schedule.due_runs import next_due

    upcoming = next_due(schedule.monitor, schedule.operation, now)
    last = max(schedule.done.values(), key=lambda r: r.evidence.body["window"]["end"], default=None)
    return {
        "system": schedule.system.id,
        "monitor": schedule.monitor.id,
        "every": schedule.monitor.every,
        "in_operation": schedule.operation.goes_on,
        "done": len(schedule.done),
        "waiting": [run.id for run in schedule.waiting],
        "missed": [run.id for row in schedule.missed for run in row.runs],
        "last_window": last.evidence.body["window"] if last else None,
        "last_outcome": last.evidence.body["outcome"] if last else None,
        "next_due": stamp(upcoming) if upcoming else None,
    }


def _show(found: tuple[Schedule, ...], wrong: list[Alarm], still_open: int, now: datetime) -> None:
    from aims_mlops.cli.plain import plain
    from aims_mlops.cli.table import table

    if found:
        rows = []
        for schedule in found:
            body = _schedule(schedule, now)
            last = body["last_window"]
            rows.append(
                (
                    schedule.name,
                    body["every"],
                    f"{last['start'][:16]} {body['last_outcome']}" if last else "none yet",
                    str(len(body["waiting"])),
                    str(len(body["missed"])),
                    body["next_due"][:16] if body["next_due"] else "not in operation",
                )
            )
        click.echo(table(("SCHEDULE", "EVERY", "LAST WINDOW", "WAITING", "MISSED", "NEXT"), rows))
    else:
        click.echo("No system has `monitoring`, in aims.yaml or in the log.")
    for alarm in wrong:
        click.echo()
        click.echo(plain(f"[{alarm.severity}] {alarm.what}: {alarm.reason}"))
        click.echo(plain(f"    next: {alarm.next_step}"))
    if still_open:
        new = "" if wrong else "Nothing new is wrong. "
        click.echo(f"{new}Open nonconformities: {still_open}; see: aims nonconformity list")
    elif not wrong:
        click.echo("Nothing is wrong.")
    if systems := dict.fromkeys(schedule.system.id for schedule in found):
        which = next(iter(systems)) if len(systems) == 1 else "SYSTEM"
        click.echo(
            plain(f"Windows, drift and findings: aims report monitoring {which} --html FILE")
        )
