"""`aims record sync` and `import`: many entries at once, all of them or none."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aims_mlops.cli.who import AS

if TYPE_CHECKING:
    from aims_mlops.management.intake.folder import Plan
    from aims_mlops.management.registers.change import Change

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_DRY = click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")


@click.command("sync")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--vanished",
    type=click.Choice(["close", "keep"]),
    help="What becomes of entries whose file is gone; asked for in a terminal.",
)
@click.option("--reason", help="Why they are closed.")
@click.option("--overwrite", is_flag=True, help="FOLDER counts where an entry was changed by hand.")
@_DRY
@AS
@_JSON
def sync(
    folder: Path,
    vanished: str | None,
    reason: str | None,
    overwrite: bool,
    dry_run: bool,
    person: str | None,
    as_json: bool,
) -> None:
    """Take in a FOLDER of YAML and Markdown: what changed since the last time becomes records."""
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.intake.folder import plan
    from aims_mlops.management.registers.enter import enter, refuse
    from aims_mlops.management.registers.read import open_register

    project = find_project()
    store = project.open_store()
    register = open_register(project, store)
    found = plan(project, register, folder, overwrite=overwrite)
    refuse(found.wrong)
    changes = [*found.changes, *_gone(found, vanished, reason, dry_run)]
    actor = acting(project, person)
    now = datetime.now(UTC)
    records = enter(
        project, store, changes, actor=actor, now=now, register=register, dry_run=dry_run
    )
    if as_json:
        said = {
            "written": _steps(changes, [record.id for record in records]),
            "same": found.same,
            "vanished": [f"{entry.register}/{entry.id}" for entry in found.vanished],
            "passed_over": found.passed_over,
            "changed_elsewhere": [f"{e.register}/{e.id}" for e, _ in found.elsewhere],
        }
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    _tell(changes, dry_run)
    for entry, path in found.elsewhere:
        click.echo(f"! {entry.register} {entry.id} was changed by hand; {path} says what it was")
    for path in found.passed_over:
        click.echo(f"- {path} has no front matter, and was passed over")
    click.echo(f"{len(changes)} written, {found.same} as before" if not dry_run else "dry run")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which column holds which field, as YAML; else columns are called like fields.",
)
@click.option("--register", help="The register, where no mapping says it.")
@click.option("--sheet", help="The sheet of a workbook.")
@click.option("--update", is_flag=True, help="Change entries that are there and differ.")
@_DRY
@AS
@_JSON
def import_command(
    file: Path,
    mapping: Path | None,
    register: str | None,
    sheet: str | None,
    update: bool,
    dry_run: bool,
    person: str | None,
    as_json: bool,
) -> None:
    """Take in a list of entries, CSV or XLSX; a row that is wrong keeps all of it out."""
    from aims_mlops.cli.assessing import acting
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.intake.listed import read_list
    from aims_mlops.management.registers.enter import enter
    from aims_mlops.management.registers.read import open_register

    if (mapping is None) == (register is None):
        raise click.UsageError("give --map FILE or --register NAME")
    project = find_project()
    store = project.open_store()
    known = open_register(project, store)
    found = read_list(
        file, known, mapping=mapping, register_name=register, sheet=sheet, update=update
    )
    records = enter(
        project,
        store,
        found.changes,
        actor=acting(project, person),
        now=datetime.now(UTC),
        register=known,
        dry_run=dry_run,
        next_step="put it right; the mapping can say how days are written (dates: '%d.%m.%Y')",
    )
    if as_json:
        ids = [record.id for record in records]
        said = {"written": _steps(found.changes, ids), "same": found.same}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return
    verb = "would be written" if dry_run else "written"
    click.echo(f"✓ {len(found.changes)} entries {verb}, {found.same} as before ({found.read_as})")


def _gone(found: Plan, vanished: str | None, reason: str | None, dry_run: bool) -> list[Change]:
    """The steps for entries whose file is gone, as somebody says."""
    from aims_mlops.documents.document import Document
    from aims_mlops.errors import InputError
    from aims_mlops.management.intake.folder import kept
    from aims_mlops.management.registers.change import Change
    from aims_mlops.management.registers.entry import content_of

    if not found.vanished or dry_run:
        return []
    names = [f"{entry.register} {entry.id}" for entry in found.vanished]
    if vanished is None and not sys.stdin.isatty():
        raise InputError(
            "files are gone of entries that are open",
            got=", ".join(names[:5]) + (" …" if len(names) > 5 else ""),
            expected="--vanished close --reason TEXT, or --vanished keep",
            next_step="or bring the files back; nothing was stored",
        )
    steps = []
    for entry, name in zip(found.vanished, names, strict=True):
        said = vanished or click.prompt(
            f"the file of {name} is gone", type=click.Choice(["close", "keep"])
        )
        if said == "keep":
            steps.append(kept(entry))
            continue
        why = reason or (click.prompt(f"why is {name} closed") if sys.stdin.isatty() else None)
        content = content_of(entry.latest.evidence.body, entry.kind)
        source = Document(name, content, {}, "")
        steps.append(Change(entry.spec, "close", source, reason=why))
    return steps


def _steps(changes: list[Change], ids: list[str]) -> list[dict[str, Any]]:
    given = [*ids, *[None] * (len(changes) - len(ids))]
    return [
        {"register": one.spec.name, "id": one.data.get("id"), "step": one.step, "record": id_}
        for one, id_ in zip(changes, given, strict=True)
    ]


def _tell(changes: list[Change], dry_run: bool) -> None:
    mark = "·" if dry_run else "✓"
    for one in changes[:50]:
        click.echo(f"{mark} {one.step:<7}{one.spec.name} {one.data.get('id')}")
    if len(changes) > 50:
        click.echo(f"{mark} and {len(changes) - 50} more")
