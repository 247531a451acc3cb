"""The table of decisions, from the decision records themselves."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from generated.page import ROOT, Page

_HEAD = re.compile(r"# (\d{4}):? (.+)\n\n(Accepted|Superseded[^·]*) · (\d{4}-\d\d-\d\d)\n")


@functools.cache
def pages() -> Sequence[Page]:
    """One page a decision, in the order of their numbers; they lie under docs/ already."""
    return [
        Page(f"adr/{path.name}", path.read_text().partition("\n")[0].lstrip("# "), "")
        for path in sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    ]


def table() -> str:
    """Number, title, status and date of each decision, as a Markdown table."""
    rows = ["| number | decision | status | date |", "|---|---|---|---|"]
    for page in pages():
        head = _HEAD.match((ROOT / "docs" / page.path).read_text())
        if head is None:
            raise ValueError(
                f"docs/{page.path}: expected '# NNNN title', then 'Accepted · YYYY-MM-DD'"
            )
        number, title, status, date = head.groups()
        name = page.path.rpartition("/")[2]
        rows.append(f"| {number} | [{title}]({name}) | {status.strip()} | {date} |")
    return "\n".join(rows) + "\n"
