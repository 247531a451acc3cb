"""applicability.yaml: which controls the organisation holds applicable, and why.

People decide that; the file keeps it. Nothing here fills a decision in.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field

from aims_mlops.documents.problems import Problem, Section, did_you_mean, validated
from aims_mlops.documents.reading import read_yaml
from aims_mlops.evidence.controls import CONTROLS

FILE_NAME = "applicability.yaml"  # beside aims.yaml


class Choice(Section):
    """The organisation's choice about one control.

    applicable : None while it is not decided.  justification : for leaving it in, or out.
    reference : where the organisation's own record is, such as a document's number.
    """

    applicable: bool | None = None
    justification: str = ""
    reference: str = ""


class Applicability(Section):
    """The file as a whole; a control that it does not name is not decided."""

    version: Literal[1] = 1
    controls: dict[str, Choice] = Field(default_factory=dict)


def read_applicability(path: Path) -> Applicability:
    """The choices in a file; raises DocumentError with every problem and its line."""
    return validated(
        read_yaml(path),
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
        "version: 1",
        "controls:",
    ]
    for control in CONTROLS.values():
        lines += [
            f"  {control.id}:  # {control.title}",
            "    applicable:",
            '    justification: ""',
            '    reference: ""',
        ]
    return "\n".join(lines) + "\n"


def _unknown_controls(found: Applicability) -> Iterable[Problem]:
    for id_ in found.controls:
        if id_ not in CONTROLS:
            hint = did_you_mean(id_, CONTROLS)
            yield Problem(("controls", id_), f"no control has the id {id_!r}", hint=hint)
