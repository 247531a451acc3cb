"""applicability.yaml: which controls the organisation holds applicable, and why.

People decide that; the file keeps it. Nothing here fills a decision in.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Problem, Section, did_you_mean, validated
from aims_mlops.documents.reading import read_yaml
from aims_mlops.documents.yaml_events import parse_yaml
from aims_mlops.errors import DocumentError
from aims_mlops.evidence.controls import CONTROLS

FILE_NAME = "applicability.yaml"  # beside aims.yaml


class Choice(Section):
    """The organisation's choice about one control.

    applicable : None while it is not decided.  justification : for leaving it in, or out.
    reference : where the organisation's own record is, such as a document's number.
    implementation : how it is implemented.  responsible : who answers for it, a role or a person.
    status : how far that is, as people say; what the evidence says stands beside it.
    """

    applicable: bool | None = None
    justification: str = ""
    reference: str = ""
    implementation: str = ""
    responsible: str = ""
    status: Literal["planned", "in progress", "implemented"] | None = None


class Applicability(Section):
    """The file as a whole; a control that it does not name is not decided."""

    version: Literal[1] = 1
    controls: dict[str, Choice] = Field(default_factory=dict)


def read_applicability(path: Path) -> Applicability:
    """The choices in a file; raises DocumentError with every problem and its line."""
    return _checked(read_yaml(path))


def applicability_from(content: bytes, name: str) -> Applicability:
    """The same of a file's content; `name` stands in the messages."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(
            "file is not UTF-8 text", path=name, got=f"an invalid byte at offset {error.start}"
        ) from error
    return _checked(parse_yaml(text, path=name))


def _checked(document: Document) -> Applicability:
    return validated(
        document,
        Applicability,
        next_step="aims report soa --new FILE writes one to compare with",
        checks=(_unknown_controls,),
    )


def skeleton() -> str:
    """The file to begin with: every control, nothing decided."""
    lines = [
        "# Which controls of ISO/IEC 42001:2023, Annex A are applicable here, and why.",
        "# applicable: true or false; leave it empty while it is not decided.",
        "# justification: why it is applicable, or why it is not.",
        "# reference: where the organisation's own record is.",
        "# implementation: how it is implemented.  responsible: who answers for it.",
        "# status: planned, in progress or implemented.",
        "version: 1",
        "controls:",
    ]
    for control in CONTROLS.values():
        lines += [
            f"  {control.id}:  # {control.title}",
            "    applicable:",
            '    justification: ""',
            '    reference: ""',
            '    implementation: ""',
            '    responsible: ""',
            "    status:",
        ]
    return "\n".join(lines) + "\n"


def _unknown_controls(found: Applicability) -> Iterable[Problem]:
    for id_ in found.controls:
        if id_ not in CONTROLS:
            hint = did_you_mean(id_, CONTROLS)
            yield Problem(("controls", id_), f"no control has the id {id_!r}", hint=hint)
