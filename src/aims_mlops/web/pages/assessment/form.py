"""The form of an impact assessment: what people wrote, and beside it what the log knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aims_mlops.assessments.document import TEXT_FIELDS, Assessment, text_digest
from aims_mlops.assessments.lint import lint_document
from aims_mlops.assessments.prefill import declared, from_evidence, from_prior
from aims_mlops.assessments.review import impact_scale, prior_assessment
from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Problem
from aims_mlops.dossier.query import gather
from aims_mlops.errors import EvidenceNotFoundError
from aims_mlops.inventory.declared.system import System
from aims_mlops.policy.grammar import ImpactScale
from aims_mlops.web.drafts.drafts import Draft, Drafts
from aims_mlops.web.drafts.merge import flat, nested
from aims_mlops.web.pages.model import model_of
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import address

# Section and its clause of ISO/IEC 42005:2025; the fields of each are those that begin like it.
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("scope", "6.2", ("scope",)),
    ("system_information", "6.3", ("system_information",)),
    ("data", "6.4", ("data",)),
    ("algorithm", "6.5", ("algorithm",)),
    ("deployment", "6.6", ("deployment",)),
    ("interested_parties", "6.7", ()),
    ("impacts", "6.8", ("failures", "foreseeable_misuse", "human_oversight")),
    ("measures", "6.9", ()),
)
ON, ASPECTS = ("individuals", "groups", "society"), (
    "fairness", "transparency", "human-oversight", "accessibility", "safety", "privacy",
    "human-rights", "economic", "environmental", "other",
)  # fmt: skip
DATES = ("review_by",)


def drafts_of(reading: Reading) -> Drafts:
    """The drafts of the project."""
    return Drafts(reading.project.root / ".aims" / "console-drafts.db")


def columns(scale: ImpactScale) -> dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]]:
    """The fields of a row of each list: name, how it is asked for, what it may be."""
    likely, severe = ("", *scale.likelihood), ("", *scale.severity)
    return {
        "interested_parties": (("who", "text", ()), ("interest", "prose", ())),
        "impacts": (
            ("id", "text", ()), ("on", "choice", ON), ("kind", "choice", ("harm", "benefit")),
            ("aspect", "choice", ASPECTS), ("description", "prose", ()), ("affected", "text", ()),
            ("likelihood", "choice", likely), ("severity", "choice", severe),
            ("reversible", "choice", ("", "yes", "partly", "no")), ("from_misuse", "tick", ()),
            ("residual_likelihood", "choice", likely), ("residual_severity", "choice", severe),
        ),
        "measures": (
            ("id", "text", ()), ("for_impacts", "words", ()), ("description", "prose", ()),
            ("owner", "text", ()), ("due", "day", ()), ("done", "tick", ()),
        ),
    }  # fmt: skip


def system_of_page(reading: Reading) -> System:
    """The declared system of the model of the address; EvidenceNotFoundError without one."""
    reference, records = model_of(reading)
    named = {r.evidence.system for r in records if r.evidence.kind == "model"} - {None}
    found = next((s for id_ in named if (s := reading.project.system(str(id_)))), None)
    if found is None and reference.name:
        found = reading.project.system_of_model(reference.name)
    if found is None:
        raise EvidenceNotFoundError(
            "aims.yaml names no AI system for this model", next_step="name it in aims.yaml"
        )
    return found


def begun(reading: Reading, system: System) -> dict[str, Any]:
    """What a new draft begins with: the assessment before, or what is declared."""
    prior = prior_assessment(reading.project, system.id)
    if prior is not None:
        found = from_prior(prior)[1].model_dump(mode="json")
        return {**found, "from_evidence": {}, "author": reading.viewer.person}
    document = Assessment(system=system.id, author=reading.viewer.person, title=system.title)
    fields = flat(document.model_dump(mode="json"))
    return nested({**fields, **declared(system)})


def known_texts(reading: Reading, system: System) -> dict[str, dict[str, str]]:
    """What the log and aims.yaml know for each field: text, where from, and its record."""
    dossier = gather(reading.store, reading.path["model"], system.id)
    known = {
        path: {"text": text, "from": "aims.yaml", "record": "", "page": ""}
        for path, text in declared(system).items()
    }
    for path, (text, record) in from_evidence(dossier).items():
        known[path] = {
            "text": text, "from": "evidence", "record": record, "page": address("records", record),
        }  # fmt: skip
    return known


def assessment(reading: Reading, *, draft: Draft | None = None) -> dict[str, Any]:
    """The form as it stands on the server; `draft` is what was just saved, with its conflicts."""
    system = system_of_page(reading)
    name = reading.path["model"]
    current = draft or drafts_of(reading).newest(name)
    document = current.document if current else begun(reading, system)
    scale = impact_scale(reading.project, _target(reading))
    found, problems = lint_document(
        Document(system.id, _as_read(document), {}, ""), risk_tier=system.risk_tier, scale=scale
    )
    by_place = _by_place(problems)
    known = known_texts(reading, system)
    fields = flat(document)
    filled: Mapping[str, Any] = document.get("from_evidence") or {}
    conflicts = current.conflicts if current else {}
    lists = columns(scale)
    reference, _ = model_of(reading)
    return {
        "model": name,
        "uri": reference.uri,
        "system": system.id,
        "tier": system.risk_tier,
        "version": current.version if current else 0,
        "saved_by": current.person if current else None,
        "saved_at": current.saved_at if current else None,
        "author": document.get("author") or "",
        "title": document.get("title") or "",
        "review_by": {
            "text": document.get("review_by") or "", "problems": by_place.pop("review_by", []),
        },
        "sections": [
            {
                "name": section,
                "clause": clause,
                "fields": [
                    _field(path, fields, known, filled, by_place, conflicts)
                    for path in TEXT_FIELDS
                    if path.split(".")[0] in prefixes
                ],
                "rows": _rows(section, document, lists, by_place),
                "columns": [
                    {"name": n, "as": how, "choices": list(choices)}
                    for n, how, choices in lists.get(section, ())
                ],
                "problems": by_place.pop(section, []),
            }
            for section, clause, prefixes in SECTIONS
        ],
        "others": [text for texts in by_place.values() for text in texts],
        "conflicts": [
            {"field": field, "theirs": theirs, "mine": mine}
            for field, (theirs, mine) in conflicts.items()
        ],
        "complete": found is not None and not problems,
        "missing": len(problems),
        "people": [person.id for person in reading.project.people],
        "target": _target(reading),
        "review": address("models", name, "review"),
        "page": address("models", name),
    }  # fmt: skip


def _target(reading: Reading) -> str:
    return reading.asked("for") or next(iter(reading.project.settings.targets), "production")


def _field(
    path: str,
    fields: Mapping[str, Any],
    known: Mapping[str, Mapping[str, str]],
    filled: Mapping[str, Any],
    by_place: dict[str, list[str]],
    conflicts: Mapping[str, tuple[Any, Any]],
) -> dict[str, Any]:
    text = str(fields.get(path) or "")
    about = known.get(path)
    from_log = path in filled and filled[path].get("text_sha256") == text_digest(text)
    return {
        "path": path,
        "text": text,
        "from_evidence": from_log,
        "known": dict(about) if about and about["text"].strip() != text.strip() else None,
        "problems": by_place.pop(path, []),
        "mine": conflicts[path][1] if path in conflicts else None,
    }


def _rows(
    section: str,
    document: Mapping[str, Any],
    lists: Mapping[str, tuple[tuple[str, str, tuple[str, ...]], ...]],
    by_place: dict[str, list[str]],
) -> list[dict[str, Any]]:
    if section not in lists:
        return []
    return [
        {
            "values": {
                name: ", ".join(value) if isinstance(value := row.get(name), list) else value
                for name, _, _ in lists[section]
            },
            "problems": [
                text
                for place in list(by_place)
                if place == f"{section}.{number}" or place.startswith(f"{section}.{number}.")
                for text in by_place.pop(place)
            ],
        }
        for number, row in enumerate(document.get(section) or ())
    ]


def _by_place(problems: Iterable[Problem]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(".".join(map(str, problem.place)), []).append(problem.text())
    return found


def _as_read(document: Mapping[str, Any]) -> dict[str, Any]:
    """As a file would say it: what is empty and may be left out, is."""
    optional = {"review_by", "due", "reversible"}

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {
                k: clean(v) for k, v in value.items() if not (k in optional and v in ("", None))
            }
        return [clean(inner) for inner in value] if isinstance(value, list) else value

    found: dict[str, Any] = clean(document)
    return found


def document_of(reading: Reading, draft: Draft) -> Document:
    """The draft as a document to submit."""
    return Document(
        f"the draft of {draft.document.get('system')}", _as_read(draft.document), {}, ""
    )
