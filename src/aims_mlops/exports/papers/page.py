"""A document as one self-contained HTML page, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aims_mlops.exports.papers.paper import Paper
from aims_mlops.report.render import page

FORMAT = "aims-paper/1"


def as_html(paper: Paper) -> str:
    """One page without script, as all reports are."""
    return page.html("paper.html.j2", paper=paper)


def as_json(paper: Paper) -> dict[str, Any]:
    """JSON values under a format name."""
    return {
        "format": FORMAT,
        "title": paper.title,
        "subject": paper.subject,
        "source": paper.source,
        "draft": paper.draft,
        "model": paper.model,
        "at": paper.position.at,
        "log": paper.position.named(),
        "missing": paper.missing,
        "points": [asdict(point) for point in paper.points],
    }
