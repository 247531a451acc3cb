"""Filling the fields that came from evidence anew, and leaving everything else as it was."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aims_mlops.assessments.document import text_digest
from aims_mlops.assessments.lint import read_assessment
from aims_mlops.documents.reading import read_text
from aims_mlops.errors import InputError


def refreshed(path: Path, found: Mapping[str, tuple[str, str]]) -> tuple[str, list[str], list[str]]:
    """(the file's new text, fields filled anew, fields kept because a person wrote them).

    found : {field path: (text, record id)}, what the log knows now. Comments and order stay.
    Raises DocumentError for a file that is not valid, InputError for Markdown.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.scalarstring import LiteralScalarString

    if path.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"{path} is no YAML file", next_step="edit it by hand, or use YAML")
    assessment, _ = read_assessment(path)
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 10_000
    data: Any = editor.load(read_text(path))
    filled, kept = [], []
    marks = data.setdefault("from_evidence", {})
    for field, (text, record) in found.items():
        if assessment.provenance(field) == "declared":
            kept.append(field)
            continue
        section, key = field.split(".")
        # A value in place keeps its comment; one on several lines becomes a literal block.
        data.setdefault(section, {})[key] = LiteralScalarString(text) if "\n" in text else text
        marks[field] = {"record": record, "text_sha256": text_digest(text)}
        filled.append(field)
    out = io.StringIO()
    editor.dump(data, out)
    return out.getvalue(), filled, kept
