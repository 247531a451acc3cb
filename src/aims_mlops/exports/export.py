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
from aims_mlops.exports.identity import json_text

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Format:
    """A format that we write.

    about : what an export is about: a model.
    versions : of the format, newest first.  writer : module and function, `(view, version)`.
    """

    name: str
    title: str
    about: str
    versions: tuple[str, ...]
    media_type: str
    suffix: str
    writer: str


@dataclass(frozen=True, slots=True)
class Exported:
    """An export: its bytes, and the position of the log that they were made from."""

    content: bytes
    format: str
    version: str
    media_type: str
    suffix: str
    log_id: str
    size: int


_LIST = (
    Format(
        name="cyclonedx",
        title="CycloneDX ML-BOM: model card, data, libraries, training run",
        about="model",
        versions=("1.7", "1.6"),
        media_type="application/vnd.cyclonedx+json",
        suffix=".cdx.json",
        writer="aims_mlops.exports.bom.cyclonedx:cyclonedx",
    ),
)

FORMATS: Mapping[str, Format] = {entry.name: entry for entry in _LIST}


def export(
    store: EvidenceStore, name: str, subject: str, *, version: str | None = None
) -> Exported:
    """What a log knows of a model, in another format.

    name : of the format, a key of `FORMATS`.  version : of the format; the newest if not given.
    subject : a model URI, a path, or the SHA-256 of the model's content.
    Raises InputError for a format or version that is not offered, ModelNotFoundError.
    """
    from aims_mlops.exports.model_view import model_view

    entry = format_of(name)
    version = _version(entry, version)
    view = model_view(store, subject)
    made = _writer(entry)(view, version)
    text = made if isinstance(made, str) else json_text(made)
    return Exported(
        content=text.encode(),
        format=entry.name,
        version=version,
        media_type=entry.media_type,
        suffix=entry.suffix,
        log_id=view.position.log_id,
        size=view.position.size,
    )


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


def _version(entry: Format, version: str | None) -> str:
    if version is None:
        return entry.versions[0]
    if version not in entry.versions:
        raise InputError(
            f"{entry.name} is not written in this version",
            got=repr(version)[:40],
            expected=" or ".join(entry.versions),
        )
    return version


def _writer(entry: Format) -> Callable[[Any, str], Any]:
    module, _, function = entry.writer.partition(":")
    found: Callable[[Any, str], Any] = getattr(importlib.import_module(module), function)
    return found
