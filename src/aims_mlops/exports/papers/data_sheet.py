"""A data sheet of a model's datasets: the questions of Gebru et al. (2021). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.exports.papers.paper import Line, Paper
from aims_mlops.exports.papers.sources import Part, Sources, ask, paper_of

_BY_HAND = "add it to the document; the log has no place for it"


def data_sheet(view: ModelView, version: str = "") -> Paper:
    """What is known of every dataset of the model."""
    parts: tuple[Part, ...] = (
        ("1", "Motivation", "Why the data were gathered, and by whom.", _motivation),
        ("2", "Composition", "What is in them.", _composition),
        ("3", "Collection and preparation", "How they came about.", _collection),
        ("4", "Uses", "What they are used for, and what not.", _uses),
        ("5", "Distribution and upkeep", "Under which rights, and who keeps them.", _upkeep),
    )
    return paper_of(
        view,
        "Data sheet",
        "Gebru et al., Datasheets for Datasets, Communications of the ACM 64(12), 2021",
        "A draft for whoever answers for the data to complete.",
        parts,
    )


def _motivation(s: Sources) -> Iterator[Line]:
    for data in s.view.card.datasets:
        values = (data.purpose,) if data.purpose else ()
        step = "aims.dataset(…, purpose=…)"
        record = data.record if values else None
        yield Line(f"Purpose of {data.name or 'unnamed'}", values, record, None, step)
    yield ask("Who gathered them, and who paid", _BY_HAND)


def _composition(s: Sources) -> Iterator[Line]:
    yield from s.datasets()
    yield from s.quality()
    yield s.assessed("What is missing in them", "data", "quality")
    yield ask("Personal data, and people who can be recognised", _BY_HAND)


def _collection(s: Sources) -> Iterator[Line]:
    yield s.assessed("How they were chosen, labelled and cleaned", "data", "description")
    yield s.fact("Code that prepared them", "code", "commit", "source_sha256")
    yield ask("Consent of the people they are about", _BY_HAND)


def _uses(s: Sources) -> Iterator[Line]:
    yield s.of_system("The AI system that uses them", "purpose", "intended_use")
    yield s.assessed("What they do not cover", "scope", "leaves_out")


def _upkeep(s: Sources) -> Iterator[Line]:
    for data in s.view.card.datasets:
        values = (data.licence,) if data.licence else ()
        record = data.record if values else None
        step = "aims.dataset(…, licence=…)"
        yield Line(f"Licence of {data.name or 'unnamed'}", values, record, None, step)
    yield ask("Who keeps them, corrects them and deletes them", _BY_HAND)
