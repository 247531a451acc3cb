"""An assessment file to edit: every section, a comment that says what belongs there."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

from aims_mlops.assessments.document import Assessment, text_digest
from aims_mlops.assessments.lint import read_assessment
from aims_mlops.errors import AimsError

# (section, clause, [(key, what belongs there)])
_SECTIONS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "scope",
        "6.2 Scope",
        (
            ("covers", "which system, version and use this is about"),
            ("leaves_out", "what it does not cover, and why"),
        ),
    ),
    (
        "system_information",
        "6.3 The system",
        (
            ("description", "what it is, in words that a customer understands"),
            ("functionalities", "what it can do"),
            ("purpose", "what it is for"),
            ("intended_uses", "who uses it for which decision"),
            ("unintended_uses", "what it must not be used for"),
        ),
    ),
    (
        "data",
        "6.4 Data (filled from dataset evidence where there is some)",
        (("description", "which data, from where"), ("quality", "what was checked, what is weak")),
    ),
    (
        "algorithm",
        "6.5 Algorithm and model (filled from model evidence where there is some)",
        (
            ("description", "what kind of model"),
            ("performance", "how well it works, overall and by group"),
            ("fairness", "differences between groups"),
            ("limitations", "where it works badly"),
        ),
    ),
    (
        "deployment",
        "6.6 Deployment environment",
        (
            ("geography", "where it is used"),
            ("languages", "in which languages"),
            ("environment", "into which process and systems it is put"),
        ),
    ),
)
_LISTS = """\
# 6.7 Who is interested in it or affected by it.
interested_parties: []
#  - who: patients of the clinic
#    interest: are called earlier or later for a visit

# 6.8 Benefits and harms. `on` is individuals, groups or society; likelihood and severity are words
# of the policy's scale (see `aims policy explain FILE`).
impacts: []
#  - id: late-visit
#    on: individuals
#    kind: harm
#    aspect: safety
#    description: a patient at risk is not flagged and is seen too late
#    affected: patients with few earlier visits
#    likelihood: possible
#    severity: moderate
#    reversible: partly
#    from_misuse: false
#    residual_likelihood: unlikely
#    residual_severity: minor
failures: {failures}  # what happens when it fails or is not available
foreseeable_misuse: {foreseeable_misuse}  # how people could use it wrongly
human_oversight:
  who: ""  # who can intervene or switch it off
  how: ""  # how they notice, and what they can do

# 6.9 What is done about the harms, by whom, until when.
measures: []
#  - id: monthly-review
#    for_impacts: [late-visit]
#    description: a physician reviews twenty unflagged patients a month
#    owner: bo
#    due: 2027-01-31
review_by: null  # the date of the next review, such as 2027-11-01
"""


def assessment_text(
    *,
    system: str,
    author: str,
    title: str = "",
    declared: Mapping[str, str] | None = None,
    from_evidence: Mapping[str, tuple[str, str]] | None = None,
    prior: Assessment | None = None,
) -> str:
    """The text of a new assessment file.

    declared : {field path: text} that the inventory knows.
    from_evidence : {field path: (text, record id)} that the log knows.
    prior : an earlier assessment of the system; its impacts, measures, parties and oversight are
        carried over to be confirmed.
    """
    known = dict(declared or {})
    filled = dict(from_evidence or {})
    lines = [
        "# AI system impact assessment. The sections follow ISO/IEC 42005:2025, clause 6.",
        "# `aims assess lint FILE` says, by line, what this risk tier still needs.",
        "version: 1",
        f"system: {_scalar(system)}",
        f"author: {_scalar(author)}  # who writes this; never who approves it",
        f"title: {_scalar(title)}",
        "",
    ]
    for section, heading, fields in _SECTIONS:
        lines += [f"# {heading}", f"{section}:"]
        for key, hint in fields:
            path = f"{section}.{key}"
            text = filled[path][0] if path in filled else known.get(path, "")
            mark = "from evidence" if path in filled else "from aims.yaml"
            # An empty field says so itself; a word about it would stay when it is filled.
            lines += _field(key, text, f"{hint}, {mark}" if text else hint)
        lines.append("")
    texts = {path: filled[path][0] if path in filled else known.get(path, "") for path in _TEXTS}
    lines += _carried(_LISTS.format(**{k: _scalar(v) for k, v in texts.items()}), prior)
    if filled:
        lines += ["", "# Fields above that came from evidence; an edited one counts as declared."]
        lines.append("from_evidence:")
        for path, (text, record) in sorted(filled.items()):
            lines.append(f'  {path}: {{record: "{record}", text_sha256: "{text_digest(text)}"}}')
    return "\n".join(lines) + "\n"


def is_untouched(path: Path) -> bool:
    """Whether a file is the empty assessment that `aims init` wrote, so that nothing is lost."""
    try:
        found, _ = read_assessment(path)
    except (AimsError, OSError):
        return False
    empty = Assessment(system=found.system, title=found.title)
    if found != empty:
        return False
    text = path.read_text(encoding="utf-8")
    return text == assessment_text(system=found.system, author="", title=found.title)


_TEXTS = ("failures", "foreseeable_misuse")
_CARRIED = ("interested_parties", "impacts", "human_oversight", "measures")


def _carried(text: str, prior: Assessment | None) -> list[str]:
    """The list sections, each with what the earlier assessment says in its place."""
    lines = text.splitlines()
    if prior is None:
        return lines
    said = prior.model_dump(mode="json", exclude_defaults=True)
    for section in _CARRIED:
        if not said.get(section):
            continue
        start = next(i for i, line in enumerate(lines) if line.startswith(f"{section}:"))
        end = start + 1
        while end < len(lines) and lines[end].startswith("  "):
            end += 1
        body = _yaml({section: said[section]})
        lines[start:end] = ["# Carried over from the assessment before; confirm it.", *body]
    return lines


def _yaml(value: object) -> list[str]:
    from ruamel.yaml import YAML

    writer = YAML()
    writer.width = 10_000
    out = io.StringIO()
    writer.dump(value, out)
    return out.getvalue().splitlines()


def _field(key: str, text: str, hint: str) -> list[str]:
    if "\n" in text.strip():
        body = [f"    {line}".rstrip() for line in text.strip().splitlines()]
        return [f"  {key}: |-  # {hint}", *body]
    return [f"  {key}: {_scalar(text)}  # {hint}"]


def _scalar(text: str) -> str:
    """A text as a YAML scalar on one line; JSON's quoting is YAML 1.2's double quoting."""
    return json.dumps(text, ensure_ascii=False)
