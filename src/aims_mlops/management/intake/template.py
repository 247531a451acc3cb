"""A file to fill in for an entry of a register."""

from __future__ import annotations

from collections.abc import Iterator

from aims_mlops.management.registers.grammar import EntryField, fields_of
from aims_mlops.management.registers.spec import DOCUMENT_TYPES, RegisterSpec

_WORDS = {
    "person": "id of a person in aims.yaml",
    "system": "id of an AI system in aims.yaml",
    "day": "YYYY-MM-DD",
    "prose": "text",
    "text": "text",
    "count": "a whole number",
    "number": "a number",
    "yes-no": "true or false",
    "file": "path of a file beside this one",
    "mapping": "keys and values",
}
# What a field is where its name alone does not say it.
_ABOUT = {
    "id": "your own id of it, such as R-12; it stays",
    "effective": "from when it holds",
    "review": "by when somebody looks at it again",
    "serves": "clauses and controls that it is for, such as 5.2 or A.2.2",
    "likelihood": "place on your scale, from 1",
    "impact": "place on your scale, from 1",
    "covers": "packages, hosted models and endpoints that are theirs, such as openai or gpt-*",
    "pack": "SHA-256 of the review pack",
    "acknowledge_by": "roles whose people read it",
    "supersedes": "ids of documents that it takes the place of",
    "nonconformity": "id of its record; one is opened where there is none",
}


def template_text(spec: RegisterSpec) -> str:
    """YAML with every field of a register; what is optional stands in a comment."""
    lines = [f"register: {spec.name}"]
    for field in fields_of(spec):
        lines.extend(_lines(field, spec, "", commented=not field.required))
    return "\n".join(lines) + "\n"


def _lines(field: EntryField, spec: RegisterSpec, lead: str, *, commented: bool) -> Iterator[str]:
    mark = "# " if commented else ""
    if field.parts:
        yield f"{mark}{lead}{field.name}:"
        first = "- " if field.many else ""
        for i, part in enumerate(field.parts):
            inner = lead + "  " + (first if i == 0 else " " * len(first))
            # Inside a part that is given, what it needs is needed.
            yield from _lines(part, spec, inner, commented=commented or not part.required)
        return
    empty = "[]" if field.many else '""' if field.required else ""
    yield f"{mark}{lead}{field.name}: {empty}".rstrip() + f"  # {_about(field, spec)}"


def _about(field: EntryField, spec: RegisterSpec) -> str:
    if field.choices:
        return "one of " + ", ".join(field.choices)
    if field.name == "type" and spec.name == "document":
        return "such as " + ", ".join(DOCUMENT_TYPES[:8])
    about = _ABOUT.get(field.name)
    words = _WORDS.get(field.holds, "text")
    many = f"a list; each {words}" if field.many else words
    return about or many
