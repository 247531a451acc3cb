"""`aims report`: control coverage, model cards and the Statement of Applicability."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli import review
from aims_mlops.cli.output_file import write_page, write_text, write_workbook
from aims_mlops.errors import InputError
from aims_mlops.evidence.kinds import SCHEDULE_KINDS, SHARED_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aims_mlops.evidence.model_reference import ModelReference
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_PDF = click.option("--pdf", type=_FILE, help="Write it as a PDF (extra `documents`).")
_XLSX = click.option("--xlsx", type=_FILE, help="Write a spreadsheet (extra `documents`).")


@click.group("report")
def group() -> None:
    """Write control coverage, model cards and the Statement of Applicability."""


@group.command("coverage")
@click.option("--system", help="Only evidence of this AI system.")
@click.option("--html", type=_FILE, help="Write one self-contained page to this file.")
@_PDF
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@_XLSX
def coverage(
    system: str | None, html: Path | None, pdf: Path | None, xlsx: Path | None, as_json: bool
) -> None:
    """Show which evidence supports each of the 38 controls, its age, and what is missing."""
    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.read import open_register
    from aims_mlops.report.coverage import page
    from aims_mlops.report.coverage.coverage import cover
    from aims_mlops.report.coverage.declared import declarations

    project = find_project()
    store = project.open_store()
    log = store.status()
    records = stream_of_system(store, project, system)
    now = datetime.now(UTC)
    found = cover(
        records,
        now,
        system=system,
        log=log,
        systems=[s for s in project.systems if system in (None, s.id)],
        alarms=[a for a in every_alarm(store, project, now) if system in (None, a.system)],
        in_full=lambda record: store.get(record.id),
        declared=declarations(open_register(project, store), now, system=system),
    )
    write_page(html, pdf, lambda: page.as_html(found, single_user=project.settings.single_user))
    if xlsx is not None:
        write_workbook(xlsx, {"coverage": page.as_table(found)}, found.made_at)
    if as_json:
        click.echo(json.dumps(page.as_json(found), indent=2))
        return
    _say_if_alone(project)
    if html is None:
        click.echo(page.as_text(found))
    else:
        click.echo(f"{page.headline(found)}\nwrote {html}")


@group.command("card")
@click.argument("model", metavar="MODEL")
@click.option("--html", type=_FILE, help="Write one self-contained page to this file.")
@_PDF
@click.option("--markdown", type=_FILE, help="Write Markdown with Hugging Face metadata.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def card(
    model: str, html: Path | None, pdf: Path | None, markdown: Path | None, as_json: bool
) -> None:
    """Write the card of MODEL: a model URI, a path, or the SHA-256 of its content.

    Without an option, the card is printed as Markdown.
    """
    from aims_mlops.inventory.project import find_project
    from aims_mlops.report.card import page
    from aims_mlops.report.card.card import write_card
    from aims_mlops.report.card.gathering import find_model, records_of_model

    project = find_project()
    store = project.open_store()
    log = store.status()
    reference = find_model(store, model)
    records = records_of_model(store, reference)
    declared = _declared(project, reference, records)
    found = write_card(
        reference,
        records,
        datetime.now(UTC),
        declared=declared,
        log=log,
        single_user=project.settings.single_user,
    )
    write_page(html, pdf, lambda: page.as_html(found))
    if markdown is not None:
        write_text(markdown, page.as_markdown(found))
    if as_json:
        click.echo(json.dumps(page.as_json(found), indent=2))
    elif html is None and markdown is None:
        click.echo(page.as_markdown(found), nl=False)
    else:
        written = [path for path in (html, markdown) if path is not None]
        click.echo("\n".join(f"wrote {path}" for path in written))


@group.command("soa")
@click.option("--choices", type=_FILE, help="Instead of the applicability.yaml of this project.")
@click.option("--system", help="Only evidence of this AI system.")
@click.option("--diff", nargs=2, metavar="V1 V2", help="Show what differs between two versions.")
@click.option("--new", type=_FILE, help="Write an applicability.yaml to fill in, and stop.")
@click.option("--html", type=_FILE, help="Write one self-contained page to this file.")
@_PDF
@click.option("--csv", type=_FILE, help="Write a table for a spreadsheet.")
@_XLSX
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def soa(
    choices: Path | None,
    system: str | None,
    diff: tuple[str, str] | None,
    new: Path | None,
    html: Path | None,
    pdf: Path | None,
    csv: Path | None,
    xlsx: Path | None,
    as_json: bool,
) -> None:
    """Put the organisation's choices about the controls beside what the evidence supports.

    The choices are those of the newest approved version of the document of type
    statement-of-applicability; while there is none, those of applicability.yaml.
    """
    from aims_mlops.cli.statement import show_differences, statement_of
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.read import open_register
    from aims_mlops.report import soa as statement
    from aims_mlops.report.coverage.applicability import skeleton
    from aims_mlops.report.coverage.coverage import cover
    from aims_mlops.report.coverage.declared import declarations

    if new is not None:
        if new.exists():
            raise InputError(f"{new} exists and is not overwritten", next_step="name another file")
        write_text(new, skeleton())
        click.echo(f"wrote {new}")
        return
    project = find_project()
    store = project.open_store()
    log = store.status()
    register, now = open_register(project, store), datetime.now(UTC)
    if diff is not None:
        click.echo(show_differences(store, register, *diff, as_json=as_json))
        return
    declared = declarations(register, now, system=system)
    records = stream_of_system(store, project, system)
    covered = cover(records, now, system=system, log=log, declared=declared)
    found = statement_of(project, store, register, covered, choices)
    write_page(
        html, pdf, lambda: statement.as_html(found, single_user=project.settings.single_user)
    )
    if csv is not None:
        write_text(csv, statement.as_csv(found))
    if xlsx is not None:
        sheet = statement.as_table(found)
        write_workbook(xlsx, {"Statement of Applicability": sheet}, found.coverage.made_at)
    if as_json:
        click.echo(json.dumps(statement.as_json(found), indent=2))
        return
    _say_if_alone(project)
    click.echo(statement.as_text(found))
    for path in (html, csv, xlsx):
        if path is not None:
            click.echo(f"wrote {path}")


@group.command("history")
@click.argument("system")
@click.option("--html", type=_FILE, help="Write one self-contained page to this file.")
@_PDF
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def history(system: str, html: Path | None, pdf: Path | None, as_json: bool) -> None:
    """Tell what happened to the AI system SYSTEM: runs, assessments, decisions, promotions."""
    from aims_mlops.evidence.clock import now
    from aims_mlops.inventory.project import find_project
    from aims_mlops.report import history as told

    project = find_project()
    store = project.open_store()
    records = _records_of_system(store, project, system)
    found = told.tell(
        (record for record in records if record.evidence.system is not None), system, now()
    )
    write_page(html, pdf, lambda: told.as_html(found, single_user=project.settings.single_user))
    if as_json:
        click.echo(json.dumps(told.as_json(found), indent=2))
    else:
        _say_if_alone(project)
        click.echo(told.as_text(found) if html is None else f"wrote {html}")


@group.command("monitoring")
@click.argument("system")
@click.option("--html", type=_FILE, help="Write one self-contained page to this file.")
@_PDF
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def monitoring(system: str, html: Path | None, pdf: Path | None, as_json: bool) -> None:
    """Show how SYSTEM is watched: windows measured and missed, drift over time, findings."""
    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.inventory.project import find_project
    from aims_mlops.inventory.renames import Names
    from aims_mlops.report.operation import operation

    project = find_project()
    store = project.open_store()
    now = datetime.now(UTC)
    records = list(store.find(kind=SCHEDULE_KINDS))
    known = {r.evidence.system for r in records} | {s.id for s in project.systems}
    if system not in known:
        raise InputError(
            f"nothing is known of system {system!r}",
            expected="one of " + (", ".join(sorted(map(str, known - {None}))) or "none so far"),
            next_step="aims status",
        )
    system = Names(records).current(system)
    for name in Names(records).of(system):
        records += store.find(kind="drift", system=name)
    alarms = [a for a in every_alarm(store, project, now) if a.system == system]
    found = operation.show(
        records, project.systems, system, now, alarms=alarms, every_window=as_json
    )
    write_page(
        html, pdf, lambda: operation.as_html(found, single_user=project.settings.single_user)
    )
    if as_json:
        click.echo(json.dumps(operation.as_json(found), indent=2, ensure_ascii=False))
    else:
        click.echo(operation.as_text(found) if html is None else f"wrote {html}")


group.add_command(review.command)


def _say_if_alone(project: Project) -> None:
    from aims_mlops.report.render.page import SINGLE_USER

    if project.settings.single_user:
        click.echo(SINGLE_USER)


def _records_of_system(store: EvidenceStore, project: Project, system: str | None) -> list[Record]:
    """The same as a list, for what needs all of every record."""
    return list(stream_of_system(store, project, system))


def stream_of_system(
    store: EvidenceStore, project: Project, system: str | None
) -> Iterator[Record]:
    """Every record, or those of one system with the policies and anchors, which have no system."""
    if system is None:
        yield from store.find()
        return
    from heapq import merge

    from aims_mlops.inventory.renames import KIND, Names

    names = Names(store.find(kind=KIND)).of(system)
    some = False
    under_each = (store.find(system=name) for name in names)
    for record in merge(*under_each, key=lambda record: record.sequence):
        some = True
        yield record
    if not some and project.system(system) is None:
        known = {r.evidence.system for r in store.find()} - {None}
        known |= {declared.id for declared in project.systems}
        raise InputError(
            f"no evidence of system {system!r}, and aims.yaml does not declare it",
            expected="one of " + (", ".join(sorted(map(str, known))) or "none so far"),
            next_step="aims status",
        )
    shared = store.find(kind=SHARED_KINDS)
    yield from (record for record in shared if record.evidence.system is None)


def _declared(
    project: Project, model: ModelReference, records: list[Record]
) -> dict[str, Any] | None:
    """The model's system as aims.yaml declares it."""
    ids = [r.evidence.system for r in records if r.evidence.system is not None]
    system = next((s for s in map(project.system, ids) if s is not None), None)
    if system is None and model.name is not None:
        system = project.system_of_model(model.name)
    return system.model_dump(mode="json") if system is not None else None
