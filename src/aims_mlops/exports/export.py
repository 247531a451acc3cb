"""`aims export`: the list of formats, and the one function behind command, Python and HTTP.

An export is made from the store alone. The same position of the log gives the same bytes: ids are
derived from what they are the id of, times are the log's, and what has no order is sorted.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.exports.basis.identity import json_text

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

_MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "html": "text/html; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
_OSCAL = "aims_mlops.exports.oscal"
_OSCAL_VERSIONS = ("1.2.1", "1.1.3")
_PAPER = ("html", "json", "docx", "xlsx", "pdf")
_PAPERS = "aims_mlops.exports.papers"


@dataclass(frozen=True, slots=True)
class Format:
    """A format that we write.

    about : what an export is about: `model` or `system`.
    versions : of the format, newest first.  writer : module and function, `(view, version)`.
    files : in which form it is written, the usual one first.
    reads : `runs` for what is made run by run; else what it is about.
    """

    name: str
    title: str
    about: str
    versions: tuple[str, ...]
    writer: str
    files: tuple[str, ...] = ("json",)
    reads: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """An export: its bytes, and the position of the log that they were made from."""

    content: bytes
    format: str
    version: str
    file: str
    media_type: str
    log_id: str
    size: int


_LIST = (
    Format(
        name="cyclonedx",
        title="CycloneDX ML-BOM: model card, data, libraries, training run",
        about="model",
        versions=("1.7", "1.6"),
        writer="aims_mlops.exports.bom.cyclonedx:cyclonedx",
    ),
    Format(
        name="spdx",
        title="SPDX: an AI package with its datasets, libraries and licences",
        about="model",
        versions=("3.0.1",),
        writer="aims_mlops.exports.bom.spdx:spdx",
    ),
    Format(
        name="croissant",
        title="Croissant with RAI terms: the datasets of a model",
        about="model",
        versions=("1.1",),
        writer="aims_mlops.exports.data.croissant:croissant",
    ),
    Format(
        name="data-sheet",
        title="data sheet of the datasets of a model, a draft",
        about="model",
        versions=("2021",),
        writer=f"{_PAPERS}.data_sheet:data_sheet",
        files=_PAPER,
    ),
    Format(
        name="openlineage",
        title="OpenLineage: the runs of an AI system as events, one a line",
        about="system",
        versions=("2-0-2",),
        writer="aims_mlops.exports.lineage.openlineage:openlineage",
        files=("jsonl",),
        reads="runs",
    ),
    Format(
        name="slsa-vsa",
        title="SLSA verification summary of the newest decision, not signed",
        about="model",
        versions=("1",),
        writer="aims_mlops.exports.attestations.summary:verification_summary",
    ),
    Format(
        name="oscal-assessment-results",
        title="OSCAL: a finding for each control, with the evidence behind it",
        about="system",
        versions=_OSCAL_VERSIONS,
        writer=f"{_OSCAL}.assessment_results:assessment_results",
    ),
    Format(
        name="oscal-poam",
        title="OSCAL: plan of action and milestones, from nonconformities",
        about="system",
        versions=_OSCAL_VERSIONS,
        writer=f"{_OSCAL}.action_plan:action_plan",
    ),
    Format(
        name="oscal-component-definition",
        title="OSCAL: the AI system as a component, with its controls",
        about="system",
        versions=_OSCAL_VERSIONS,
        writer=f"{_OSCAL}.component_definition:component_definition",
    ),
    Format(
        name="annex-iv",
        title="technical documentation of the EU AI Act, nine points, a draft",
        about="model",
        versions=("2024/1689",),
        writer=f"{_PAPERS}.annex_iv:annex_iv",
        files=_PAPER,
    ),
    Format(
        name="instructions-for-use",
        title="instructions for use of the EU AI Act (Article 13), a draft",
        about="model",
        versions=("2024/1689",),
        writer=f"{_PAPERS}.instructions:instructions_for_use",
        files=_PAPER,
    ),
    Format(
        name="colorado-notice",
        title="what SB 24-205 of Colorado asks to be told, a draft",
        about="model",
        versions=("SB 24-205",),
        writer=f"{_PAPERS}.notices:colorado",
        files=_PAPER,
    ),
    Format(
        name="new-york-notice",
        title="bias audit summary and notice of Local Law 144 of New York City, a draft",
        about="model",
        versions=("LL 144",),
        writer=f"{_PAPERS}.notices:new_york",
        files=_PAPER,
    ),
)

FORMATS: Mapping[str, Format] = {entry.name: entry for entry in _LIST}


def export(
    store: EvidenceStore,
    name: str,
    subject: str,
    *,
    version: str | None = None,
    file: str | None = None,
) -> Exported:
    """What a log knows of a model or an AI system, in another format.

    name : of the format, a key of `FORMATS`.  version : of the format; the newest if not given.
    subject : a model URI, a path or the SHA-256 of its content; or the id of an AI system.
    file : in which form, such as 'html' or 'docx' for a document; its first one if not given.
    Raises InputError for a format, version, form or system that there is not,
    ModelNotFoundError, EvidenceNotFoundError where there is nothing to write;
    MissingExtraError where a form needs the extra `documents`.
    """
    entry = format_of(name)
    version = _chosen(entry, "version", version, entry.versions)
    file = _chosen(entry, "form", file, entry.files)
    view = _view(store, entry.reads or entry.about, subject)
    return Exported(
        content=_bytes(_writer(entry)(view, version), file),
        format=entry.name,
        version=version,
        file=file,
        media_type=_MEDIA_TYPES[file],
        log_id=view.position.log_id,
        size=view.position.size,
    )


def _view(store: EvidenceStore, reads: str, subject: str) -> Any:
    if reads == "runs":
        from aims_mlops.exports.basis.runs_view import runs_view

        return runs_view(store, subject)
    if reads == "system":
        from aims_mlops.exports.basis.system_view import system_view

        return system_view(store, subject)
    from aims_mlops.exports.basis.model_view import model_view

    return model_view(store, subject)


def _bytes(made: Any, file: str) -> bytes:
    from aims_mlops.exports.papers.paper import Paper

    if isinstance(made, str):
        return made.encode()
    if not isinstance(made, Paper):
        return json_text(made).encode()
    from aims_mlops.exports.papers import page, pdf, spreadsheet, word

    match file:
        case "docx":
            return word.as_docx(made)
        case "xlsx":
            return spreadsheet.as_xlsx(made)
        case "pdf":
            return pdf.as_pdf(page.as_html(made))
        case "html":
            return page.as_html(made).encode()
    return json_text(page.as_json(made)).encode()


def format_of(name: str) -> Format:
    """The format of a name; InputError with the nearest one."""
    from aims_mlops.documents.problems import did_you_mean

    if name not in FORMATS:
        near = did_you_mean(name, FORMATS)
        raise InputError(
            "no such format to export to",
            got=repr(name)[:40],
            expected=f"{near}?" if near else "one of " + ", ".join(FORMATS),
            next_step="aims export --list",
        )
    return FORMATS[name]


def _chosen(entry: Format, what: str, given: str | None, offered: tuple[str, ...]) -> str:
    if given is None:
        return offered[0]
    if given not in offered:
        raise InputError(
            f"{entry.name} is not written in this {what}",
            got=repr(given)[:40],
            expected=" or ".join(offered),
        )
    return given


def _writer(entry: Format) -> Callable[[Any, str], Any]:
    module, _, function = entry.writer.partition(":")
    found: Callable[[Any, str], Any] = getattr(importlib.import_module(module), function)
    return found
