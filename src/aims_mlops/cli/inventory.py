"""`aims inventory`: AI systems with tier and state, and what no system claims."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aims_mlops.cli.output_file import write_bytes, write_text
from aims_mlops.cli.table import table
from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.visible import one_line

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project
    from aims_mlops.management.inventory import Item
    from aims_mlops.management.readiness.picture import Picture

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
_RULES = click.option(
    "--rules",
    "own",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of the organisation's own rules of classification.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("inventory")
def group() -> None:
    """List the AI systems of aims.yaml with what the log says of them."""


@group.command("list")
@_RULES
@_JSON
def list_systems(own: tuple[Path, ...], as_json: bool) -> None:
    """List every AI system with state, roles, tier and the rule that gives it."""
    items = _items(own)
    if as_json:
        click.echo(json.dumps([item.to_body() for item in items], indent=2))
        return
    head = ("SYSTEM", "STATE", "ROLES", "OWNER", "TIER", "BY RULE", "IN USE AS")
    rows = [
        (
            item.system.id,
            item.state,
            ", ".join(item.system.organisation_roles) or "-",
            item.system.owner or "-",
            item.system.risk_tier,
            _by_rule(item),
            "; ".join(item.places) or "-",
        )
        for item in items
    ]
    click.echo(table(head, rows))
    for item in items:
        for line in _remarks(item):
            click.echo(one_line(line))


@group.command("show")
@click.argument("system")
@_RULES
@_JSON
def show(system: str, own: tuple[Path, ...], as_json: bool) -> None:
    """Show SYSTEM with everything that aims.yaml and the log say of it."""
    item = next((item for item in _items(own) if item.system.id == system), None)
    if item is None:
        raise InputError(
            f"aims.yaml names no AI system {system!r}",
            expected="an id under systems",
            next_step="aims inventory list",
        )
    if as_json:
        click.echo(json.dumps(item.to_body(), indent=2))
        return
    for name, value in item.to_body().items():
        if name == "rules":
            value = [f"{one['framework']} {one['article']}: {one['tier']}" for one in value]
        said = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
        click.echo(f"{name.replace('_', ' ') + ':':<22}{one_line(said) or '-'}")
    for line in _remarks(item):
        click.echo(one_line(line))


@group.command("export")
@click.option("--csv", "csv_file", type=_FILE, help="Write a CSV file.")
@click.option("--xlsx", type=_FILE, help="Write a spreadsheet.")
@_RULES
def export(csv_file: Path | None, xlsx: Path | None, own: tuple[Path, ...]) -> None:
    """Write the inventory as a table; `aims inventory list --json` gives JSON."""
    from aims_mlops.evidence.clock import stamp
    from aims_mlops.exports.papers.spreadsheet import workbook
    from aims_mlops.management.inventory import HEAD
    from aims_mlops.report.render.csv_cell import cell

    if csv_file is None and xlsx is None:
        raise click.UsageError("give --csv FILE or --xlsx FILE")
    rows = [item.row() for item in _items(own)]
    if csv_file is not None:
        made = io.StringIO()
        writer = csv.writer(made)
        writer.writerow(HEAD)
        writer.writerows([cell(value) for value in row] for row in rows)
        write_text(csv_file, made.getvalue())
    if xlsx is not None:
        at = stamp(datetime.now(UTC))
        write_bytes(xlsx, workbook({"inventory": (HEAD, rows)}, at=at))
    click.echo(f"wrote {', '.join(one_line(str(path)) for path in (csv_file, xlsx) if path)}")


@group.command("scan")
@click.option("--registry", help="URI of MLflow's registry; else the one that MLflow is set to.")
@click.option("--log-only", is_flag=True, help="Do not ask MLflow.")
@_JSON
@click.pass_context
def scan(context: click.Context, registry: str | None, log_only: bool, as_json: bool) -> None:
    """Find models, experiments and LLM clients that no AI system or supplier claims.

    Exit code 1 if there are any.
    """
    from aims_mlops.management.readiness.gaps import no_inventory, third_party

    project, picture = _picture()
    found = [
        {"what": gap.thing, "words": gap.words, "record": gap.record, "next_step": gap.next_step}
        for gap in (*no_inventory(picture), *third_party(picture))
    ]
    asked = "the log"
    if not log_only:
        try:
            import mlflow  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(
                "asking MLflow",
                library="mlflow",
                extra="mlflow",
                next_step="aims inventory scan --log-only",
            ) from error
        from aims_mlops.mlflow_plugin.reconcile.unclaimed import unclaimed

        known = {entry["what"] for entry in found}
        for kind, name in unclaimed(project, registry):
            what = f"{'model' if kind == 'registered model' else kind} {name}"
            if what not in known:
                found.append(
                    {
                        "what": what,
                        "words": f"MLflow has {kind} {name}, which no AI system claims",
                        "record": None,
                        "next_step": "name it under models of a system in aims.yaml",
                    }
                )
        asked = "the log and MLflow"
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not found:
        click.echo(f"nothing unclaimed in {asked}")
    else:
        for entry in found:
            record = f" [{entry['record'][:8]}]" if entry["record"] else ""
            words = one_line(str(entry["words"]))
            click.echo(f"- {words}{record}\n  Next: {entry['next_step']}")
        click.echo(f"{len(found)} found in {asked}")
    context.exit(1 if found else 0)


def _picture() -> tuple[Project, Picture]:
    from aims_mlops.evidence.store import signed
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.readiness.picture import picture_of

    project = find_project()
    store = signed(project.open_store())
    return project, picture_of(project, store.find(), datetime.now(UTC))


def _items(own: tuple[Path, ...]) -> tuple[Item, ...]:
    from aims_mlops.management.classification.rules import read_rules, shipped_rules
    from aims_mlops.management.inventory import inventory

    files = (*shipped_rules(), *(read_rules(path) for path in own))
    return inventory(_picture()[1], files)


def _by_rule(item: Item) -> str:
    if not item.rules:
        return "no use named" if not item.system.uses else "-"
    first = item.rules[0]
    return f"{first.rule.tier} ({first.framework} {first.rule.article})"


def _remarks(item: Item) -> list[str]:
    id_ = item.system.id
    found = [
        f"{id_}: no rule names the use {use}; aims inventory list --rules FILE adds your own"
        for use in item.unknown
    ]
    if item.understated:
        found.append(
            f"{id_}: declared {item.system.risk_tier}, and a rule says {item.rules[0].rule.tier} "
            f"({item.rules[0].framework} {item.rules[0].rule.article}): {item.rules[0].rule.words}"
        )
    return found
