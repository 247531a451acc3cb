"""`aims readiness`: clauses 4 to 10 held against the log, and the five gaps."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aims_mlops.cli.output_file import write_bytes, write_text
from aims_mlops.errors import InputError
from aims_mlops.visible import one_line

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project
    from aims_mlops.management.readiness.picture import Picture
    from aims_mlops.management.readiness.readiness import Readiness

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.group("readiness", invoke_without_command=True)
@click.option("--owner", help="Only rows of this person.")
@click.option("--clause", help="Only rows of this clause, such as 8 or 6.1.")
@click.option("--at", help="As the log stood at the end of this day, YYYY-MM-DD.")
@click.option("--trend", type=click.IntRange(1, 60), help="This many months back, too.")
@click.option("--html", type=_FILE, help="Write one self-contained page to this file.")
@click.option("--xlsx", type=_FILE, help="Write a spreadsheet to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.pass_context
def group(
    context: click.Context,
    owner: str | None,
    clause: str | None,
    at: str | None,
    trend: int | None,
    html: Path | None,
    xlsx: Path | None,
    as_json: bool,
) -> None:
    """Hold clauses 4 to 10 against the log: met, in part, out of date or open.

    With an empty log it says what to do in the first ninety days.
    """
    context.obj = at
    if context.invoked_subcommand is not None:
        return
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.readiness.gaps import every_gap
    from aims_mlops.management.readiness.path import stage_of
    from aims_mlops.management.readiness.readiness import judge
    from aims_mlops.report import readiness as page

    project = find_project()
    store = project.open_store()
    if owner is not None:
        owner = _person(project, owner)
    now = _moment(at)
    picture = _picture(project, store, now)
    found = judge(picture)
    picked = page.Picked(
        found,
        stage_of(picture, found),
        every_gap(picture),
        _trend(project, store, now, trend or 0),
        owner,
        clause,
    )
    if not picked.rows and clause is not None:
        raise InputError(
            f"no requirement is of clause {clause!r}",
            expected="4 to 10, or one of them such as 6.1.2",
            next_step="aims readiness",
        )
    if html is not None:
        write_text(html, page.as_html(picked, single_user=project.settings.single_user))
    if xlsx is not None:
        from aims_mlops.evidence.clock import stamp
        from aims_mlops.exports.papers.spreadsheet import workbook

        sheet = {"readiness": (page.HEAD, page.as_rows(picked))}
        write_bytes(xlsx, workbook(sheet, at=stamp(now)))
    if as_json:
        click.echo(json.dumps(page.as_json(picked), indent=2))
    elif html is None and xlsx is None:
        click.echo(page.as_text(picked))
    else:
        written = [one_line(str(path)) for path in (html, xlsx) if path is not None]
        click.echo(f"{page.headline(picked)}\nwrote {', '.join(written)}")


@group.command("gaps")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@click.pass_context
def gaps(context: click.Context, as_json: bool) -> None:
    """Look for the five gaps that fail audits; exit code 1 if there are any."""
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.readiness.gaps import every_gap
    from aims_mlops.report.readiness import gaps_as_text

    project = find_project()
    picture = _picture(project, project.open_store(), _moment(context.obj))
    found = every_gap(picture)
    if as_json:
        click.echo(json.dumps([gap.to_body() for gap in found], indent=2))
    else:
        click.echo(gaps_as_text(found))
    context.exit(1 if found else 0)


@group.command("assign")
@click.argument("requirement", metavar="ROW")
@click.option("--owner", required=True, help="Who sees to it, an id under people in aims.yaml.")
@click.option("--due", help="Until which day, YYYY-MM-DD.")
def assign(requirement: str, owner: str, due: str | None) -> None:
    """Say who sees to ROW, such as R15, and until when."""
    from aims_mlops.inventory.actor import current_actor
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.readiness.requirements import BY_ID
    from aims_mlops.management.registers.enter import add, change
    from aims_mlops.management.registers.read import open_register

    row = BY_ID.get(requirement.upper())
    if row is None:
        raise InputError(
            f"no requirement is called {requirement!r}",
            expected="R01 to R55",
            next_step="aims readiness",
        )
    project = find_project()
    store = project.open_store()
    content: dict[str, object] = {
        "id": row.id,
        "title": row.words,
        "requirement": row.id,
        "owner": _person(project, owner),
    }
    if due is not None:
        content["due"] = _day(due).isoformat()
    entry = open_register(project, store).entry("assignment", row.id)
    now = datetime.now(UTC)
    actor = current_actor(project)
    if entry is None:
        record = add(project, store, "assignment", content, actor=actor, now=now)
    else:
        record = change(project, store, entry, content, actor=actor, now=now)
    click.echo(f"{row.id} is {content['owner']}'s; record {record.id[:8]}")


def _picture(project: Project, store: EvidenceStore, now: datetime) -> Picture:
    from aims_mlops.evidence.store import signed
    from aims_mlops.management.readiness.picture import picture_of
    from aims_mlops.management.reviews.pack import wrong_pack

    return picture_of(
        project, signed(store).find(), now, wrong_pack=lambda pack: wrong_pack(store, pack)
    )


def _trend(
    project: Project, store: EvidenceStore, now: datetime, months: int
) -> tuple[Readiness, ...]:
    """Readiness as the log stood some months ago, oldest first."""
    from aims_mlops.management.readiness.readiness import judge

    found = []
    for back in range(months, 0, -1):
        moment = now - timedelta(days=round(365.25 / 12 * back))
        found.append(judge(_picture(project, store, moment)))
    return tuple(found)


def _person(project: Project, name: str) -> str:
    person = project.person(name)
    if person is None:
        raise InputError(
            f"nobody in aims.yaml is called {name!r}",
            expected=", ".join(sorted(p.id for p in project.people)) or "people in aims.yaml",
            next_step="add the person to aims.yaml, or name another",
        )
    return project.human(person.id)


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    return datetime.combine(_day(at), time.max, UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            "not a day", got=repr(text)[:40], expected="YYYY-MM-DD", next_step="write it so"
        ) from error
