"""`aims audit-pack`: everything that an auditor takes away, in one folder or ZIP file."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aims_mlops.cli.chosen import FROM, beginning, end
from aims_mlops.visible import one_line

if TYPE_CHECKING:
    from aims_mlops.evidence.records import Record
    from aims_mlops.evidence.store import EvidenceStore
    from aims_mlops.inventory.project import Project
    from aims_mlops.management.registers.register import Register

_CROSSWALKS = ("iso-27001", "nist-ai-rmf", "eu-ai-act")


@click.command("audit-pack")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--system", help="Only this AI system, and what holds for all of them.")
@FROM
@click.option("--to", "last", help="Only until this day (UTC), all of it, or this time.")
@click.option("--sample", type=click.IntRange(0), default=5, help="Promotions to draw.")
@click.option("--seed", help="Of the draw; an auditor gives one. Otherwise a random one.")
@click.option(
    "--crosswalk", "frameworks", multiple=True, default=_CROSSWALKS, help="Frameworks to hold."
)
@click.option("--no-blobs", is_flag=True, help="Leave the content of blobs out of the bundle.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(
    target: Path,
    system: str | None,
    first: str | None,
    last: str | None,
    sample: int,
    seed: str | None,
    frameworks: tuple[str, ...],
    no_blobs: bool,
    as_json: bool,
) -> None:
    """Write the audit pack TARGET, a new folder or a file ending in .zip.

    It opens from the disk, without a network; its start page is index.html.
    """
    from importlib.metadata import version

    from aims_mlops.cli.report import stream_of_system
    from aims_mlops.evidence.clock import now as stamp_now
    from aims_mlops.evidence.store import signed
    from aims_mlops.inventory.project import find_project
    from aims_mlops.management.registers.read import register_of
    from aims_mlops.report.pack import contents, pages
    from aims_mlops.report.pack.write import write_pack

    project = find_project()
    # A row that the log's key did not sign ends the pack: it would be read, and not be in it.
    store = signed(project.open_store())
    records = list(store.find())
    mine = records if system is None else list(stream_of_system(store, project, system))
    register = register_of(project, records)
    period = contents.Period(beginning(first), end(last))
    found = contents.gather(
        records,
        register,
        of_system=mine,
        system=system,
        period=period,
        sample=sample,
        seed=seed if seed is not None else secrets.token_hex(8),
    )
    texts, reports = _reports(project, store, mine, register, system, frameworks)
    if system is None:  # both tell of every system
        _of_the_organisation(project, store, records, register, texts, reports)
    log = store.status()
    bundles = ("evidence.aims",) if system is None else ("evidence.aims", "organisation.aims")
    front = pages.Front(
        made_at=stamp_now(),
        made_by=f"aims-mlops {version('aims-mlops')}",
        checkpoint=log.checkpoint or "",
        bundles=bundles,
        reports=tuple(reports),
    )
    texts |= pages.pages(found, front, single_user=project.settings.single_user)
    texts["promotions.json"] = json.dumps(pages.promotions_json(found), indent=2)
    texts["checkpoint.txt"] = front.checkpoint
    about = {
        "format": "aims-audit-pack/1",
        "made_at": front.made_at,
        "made_by": front.made_by,
        "system": system,
        "from": period.first,
        "before": period.last,
        "seed": found.seed,
        "sample": [one.record.id for one in found.sample],
        "log": log.log_id,
        "log_size": log.size,
    }
    digest = write_pack(
        target, texts, lambda folder: _bundles(store, folder, system, blobs=not no_blobs), about
    )
    said = {
        "path": str(target),
        "sha256": digest,
        "seed": found.seed,
        "promotions": len(found.promotions),
        "drawn": [one.record.id for one in found.sample],
    }
    if as_json:
        click.echo(json.dumps(said, indent=2))
        return
    click.echo(
        f"Wrote {one_line(str(target))}: {len(found.promotions)} promotions, "
        f"{len(found.sample)} drawn with seed {found.seed}; pack.json has SHA-256 {digest[:16]}…"
    )
    click.echo("Next: hand it over with the log's key, which goes by another way (aims key list)")


def _reports(
    project: Project,
    store: EvidenceStore,
    records: list[Record],
    register: Register,
    system: str | None,
    frameworks: tuple[str, ...],
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Path -> page, and path and title for the start page."""
    from aims_mlops.alarms.expiry import every_alarm
    from aims_mlops.cli.statement import statement_of
    from aims_mlops.evidence.clock import stamp
    from aims_mlops.management.crosswalks.crosswalk import read_crosswalk
    from aims_mlops.report import crosswalk, history, soa
    from aims_mlops.report.coverage import page as coverage_page
    from aims_mlops.report.coverage.coverage import cover
    from aims_mlops.report.coverage.declared import declarations

    now, alone = datetime.now(UTC), project.settings.single_user
    covered = cover(
        records,
        now,
        system=system,
        log=store.status(),
        systems=[s for s in project.systems if system in (None, s.id)],
        alarms=[a for a in every_alarm(store, project, now) if system in (None, a.system)],
        declared=declarations(register, now, system=system),
    )
    statement = statement_of(project, store, register, covered)
    texts = {
        "coverage.html": coverage_page.as_html(covered, single_user=alone),
        "soa.html": soa.as_html(statement, single_user=alone),
        "soa.csv": soa.as_csv(statement),
    }
    reports = [
        ("coverage.html", "Coverage of the controls"),
        ("soa.html", "Statement of Applicability"),
        ("soa.csv", "Statement of Applicability as a table"),
    ]
    for framework in frameworks:
        walk = read_crosswalk(framework)
        crossed = crosswalk.cross(walk, covered, register, records, system=system)
        texts[f"crosswalks/{walk.id}.html"] = crosswalk.as_html(crossed, single_user=alone)
        reports.append((f"crosswalks/{walk.id}.html", f"Crosswalk: {walk.title}"))
    seen = {r.evidence.system for r in records if r.evidence.system is not None}
    for id_ in sorted(seen | {s.id for s in project.systems}) if system is None else [system]:
        told = history.tell((r for r in records if r.evidence.system == id_), id_, stamp(now))
        name = f"systems/{_file_name(id_)}.html"
        texts[name] = history.as_html(told, single_user=alone)
        reports.append((name, f"History of {id_}"))
    return texts, reports


def _of_the_organisation(
    project: Project,
    store: EvidenceStore,
    records: list[Record],
    register: Register,
    texts: dict[str, str],
    reports: list[tuple[str, str]],
) -> None:
    """Readiness, and the frozen inputs of each management review, put to the other reports."""
    from aims_mlops.management.readiness.gaps import every_gap
    from aims_mlops.management.readiness.path import stage_of
    from aims_mlops.management.readiness.picture import picture_of
    from aims_mlops.management.readiness.readiness import judge
    from aims_mlops.management.reviews.pack import frozen, read_pack, wrong_pack
    from aims_mlops.report import readiness, review

    alone = project.settings.single_user
    picture = picture_of(
        project, records, datetime.now(UTC), wrong_pack=lambda pack: wrong_pack(store, pack)
    )
    found = judge(picture)
    picked = readiness.Picked(found, stage_of(picture, found), every_gap(picture))
    texts["readiness.html"] = readiness.as_html(picked, single_user=alone)
    reports.append(("readiness.html", "Readiness of the management system"))
    for entry in register.of_register("management-review"):
        digest = str(getattr(entry.body, "pack", None) or "")
        body = read_pack(store, digest) if digest else "it names none"
        if isinstance(body, str):
            continue  # readiness says what is wrong
        name = f"reviews/{digest}"
        texts[f"{name}.html"] = review.as_html(body, digest, single_user=alone)
        texts[f"{name}.json"] = frozen(body).decode()
        reports.append((f"{name}.html", f"Inputs of the management review {entry.id}"))
        reports.append((f"{name}.json", "The same, with the digest that the entry names"))


def _file_name(system: str) -> str:
    """A system's id where it is one; a digest of what a record claims to be one."""
    import hashlib
    import re

    if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", system):
        return system
    return hashlib.sha256(system.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _bundles(store: EvidenceStore, folder: Path, system: str | None, *, blobs: bool) -> None:
    """The whole log; or that of a system, and beside it what people put down for all of them."""
    from aims_mlops.evidence.kinds import MANAGEMENT_KINDS, SHARED_KINDS, SIGNED_KINDS
    from aims_mlops.evidence.store import as_stored
    from aims_mlops.store.bundle.export import Scope, export_bundle

    path = folder / "evidence.aims"
    if system is None:
        export_bundle(as_stored(store), path, blobs=blobs)
        return
    export_bundle(store, path, scope=Scope(system=system), blobs=blobs)
    kinds = tuple(dict.fromkeys((*MANAGEMENT_KINDS, *SIGNED_KINDS, *SHARED_KINDS)))
    export_bundle(store, folder / "organisation.aims", scope=Scope(kind=kinds), blobs=blobs)
