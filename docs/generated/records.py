"""The records of the log, from their JSON Schemas."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib import resources

from aims_mlops.evidence.kinds import KINDS, controls_of
from generated.page import Page, cell
from generated.schema import fields

TITLE = "Records"


@functools.cache
def pages() -> Sequence[Page]:
    """One page for each kind of evidence with every version of its body, and the list of them."""
    folder = resources.files("aims_mlops.evidence") / "schemas"
    schemas = {
        entry.name.removesuffix(".json"): json.loads(entry.read_text())
        for entry in folder.iterdir()
        if entry.name.endswith(".json")
    }
    rows, found = [], []
    for kind in KINDS:
        versions = sorted(name for name in schemas if name.rpartition("-v")[0] == kind)
        title = str(schemas[versions[-1]]["title"])
        controls = ", ".join(controls_of(kind))
        rows.append(f"| [`{kind}`]({kind}.md) | {cell(title)} | {controls} |")
        text = f"# `{kind}`\n\n{title[:1].upper()}{title[1:]}. Supports {controls}.\n"
        for name in versions:
            text += f"\n## Version {name.rpartition('-v')[2]}\n\n`{schemas[name]['$id']}`\n\n"
            text += fields(schemas[name]) + "\nFields that a version does not know are kept.\n"
        for name, part in schemas[versions[-1]].get("$defs", {}).items():
            text += f"\n## {name}\n\n{fields(part)}"
        found.append(Page(f"reference/records/{kind}.md", kind, text))
    head = (
        "# Records\n\nEach record is an in-toto Statement whose predicate has one of these "
        "bodies: [the log](../../log.md), "
        "[bodies in words](../../architecture.md#bodies-by-kind-version-1)."
        "\n\n| kind | what it is | supports |\n|---|---|---|\n"
    )
    return [Page("reference/records/index.md", TITLE, head + "\n".join(rows) + "\n"), *found]
