"""The model card as a page, as Markdown with Hugging Face metadata, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aims_mlops.report.card.card import ModelCard
from aims_mlops.report.card.hugging_face import front_matter, metadata
from aims_mlops.report.card.measures import Measured
from aims_mlops.report.coverage.coverage import anchoring
from aims_mlops.report.render import page
from aims_mlops.report.render.one_line import summarise
from aims_mlops.report.render.reading import Figure

FORMAT = "aims-card/1"


def as_html(card: ModelCard) -> str:
    """One self-contained page."""
    return page.html(
        "card.html.j2",
        single_user=card.single_user,
        card=card,
        anchoring=anchoring(card.log, card.anchored),
    )


def as_markdown(card: ModelCard) -> str:
    """Markdown that begins with the metadata block; a model repository's README.md."""
    body = page.markdown("card.md.j2", card=card, anchoring=anchoring(card.log, card.anchored))
    return front_matter(card) + "\n" + body


def as_json(card: ModelCard) -> dict[str, Any]:
    """JSON values under a format name; docs/reports.md promises these fields."""
    return {
        "format": FORMAT,
        "made_at": card.made_at,
        "title": card.title,
        "model": {
            "uri": card.model.uri,
            "sha256": card.model.sha256,
            "name": card.model.name,
            "version": card.model.version,
        },
        "system": card.system,
        "log": asdict(card.log) if card.log else None,
        "details": [asdict(fact) for fact in card.details],
        "uses": [asdict(fact) for fact in card.uses],
        "datasets": [asdict(data) for data in card.datasets],
        "quality": [asdict(fact) for fact in card.quality],
        "performance": [_measured(entry) for entry in card.performance],
        "bias": [_measured(entry) for entry in card.bias],
        "drift": [_measured(entry) for entry in card.drift],
        "limitations": [asdict(limit) for limit in card.limits],
        "decisions": [
            {
                "kind": answer.kind,
                "word": answer.word,
                "who": answer.who,
                "reasons": list(answer.reasons),
                "received_at": answer.record.received_at,
                "record": answer.record.id,
            }
            for answer in card.answers
        ],
        "environment": [asdict(fact) for fact in card.environment],
        "hugging_face": metadata(card),
        "evidence": [
            {
                "id": record.id,
                "kind": record.evidence.kind,
                "received_at": record.received_at,
                "summary": summarise(record),
            }
            for record in card.records
        ],
    }


def _measured(entry: Measured) -> dict[str, Any]:
    return {
        "record": entry.record.id,
        "dataset": entry.dataset,
        "task": entry.task,
        "verdict": entry.verdict,
        "columns": [asdict(column) for column in entry.columns],
        "figures": [_figure(figure) for figure in entry.figures],
        "left_out": list(entry.left_out),
        "notes": list(entry.notes),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    found = asdict(figure)
    found["group"] = dict(figure.group) if figure.group is not None else None
    return found
