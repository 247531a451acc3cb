"""The technical documentation of Annex IV of the EU AI Act, as far as the log can fill it. Pure.

The nine points are those of Regulation (EU) 2024/1689, Annex IV, in our words. A line holds what a
record says, or it is missing, with the next step; nothing is filled in for anybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from aims_mlops.evidence.kind_spec import Theme
from aims_mlops.evidence.kinds import AFTER_KINDS, KINDS
from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.exports.papers.paper import Line, Paper
from aims_mlops.exports.papers.sources import Part, Sources, ask, paper_of

_BY_HAND = "add it to the document; the log has no place for it"


def annex_iv(view: ModelView, version: str = "") -> Paper:
    """The dossier of the AI system with this model."""
    return paper_of(
        view,
        "Technical documentation (EU AI Act, Annex IV)",
        "Regulation (EU) 2024/1689, Annex IV",
        "Supports the provider, who answers for it. Fill in what is missing and have it "
        "approved before the system is placed on the market; keep it for ten years (Article 18).",
        _POINTS,
    )


def _general(s: Sources) -> Iterator[Line]:
    yield s.of_system("(a) Intended purpose", "purpose", "intended_use")
    yield s.of_system("(a) Provider: who answers for the system", "owner", "risk_owner")
    yield s.of_system("(a) Name of the system", "title", "id")
    yield Line(
        "(a) Version, and its relation to earlier ones",
        (s.view.card.title, f"content SHA-256 {s.view.sha256}"),
        s.view.card.details[2].source,
        None,
        "",
    )
    yield s.assessed("(b) Hardware and software it works with", "deployment", "environment")
    yield s.fact("(c) Versions of software", "model", "framework")
    yield s.fact("(c) Python", "environment", "python", "implementation")
    yield s.fact("(d) Form in which it is supplied", "model", "class", "content")
    yield s.fact("(e) Hardware of its training run", "environment", "platform")
    yield ask("(e) Hardware on which it is to run", _BY_HAND)
    yield ask("(f) Pictures, where it is part of a product", _BY_HAND)
    yield ask("(g) The interface for users", _BY_HAND)
    yield ask("(h) Instructions for use", "aims export instructions-for-use MODEL")


def _development(s: Sources) -> Iterator[Line]:
    yield s.fact("(a) How it was made: run", "run", "activity", "name", "started_at", "status")
    yield s.fact("(a) Code", "code", "commit", "source_sha256", "qualified_name")
    yield from s.events(
        "(a) What was taken from others",
        s.view.of_kind("supplier"),
        "list suppliers of the system in aims.yaml; if there are none, say so in the document",
    )
    yield s.assessed("(b) Design: what it computes and why", "algorithm", "description")
    yield s.assessed("(b) Functions", "system_information", "functionalities", "description")
    yield s.detail("(b) Settings of the model", "Settings of the model")
    yield s.detail("(b) Parameters of the run", "Parameters of the run")
    yield s.fact("(c) Architecture", "model", "class", "framework")
    yield s.detail("(c) Computation used", "Compute time")
    yield from s.datasets()
    yield from s.quality()
    yield s.assessed("(d) How data were chosen, labelled and cleaned", "data", "description")
    yield s.assessed("(e) Human oversight", "human_oversight", "who", "how")
    yield ask("(f) Changes determined beforehand", _BY_HAND)
    yield from s.figures("(g) Validation and testing", s.view.card.performance, groups=False)
    yield from s.figures("(g) Effects on groups", s.view.card.bias, groups=True)
    decisions = s.view.of_kind("decision")
    yield from s.events("(g) Signed test reports", decisions, "aims gate MODEL --for TARGET")
    yield ask("(h) Cybersecurity", _BY_HAND)


def _functioning(s: Sources) -> Iterator[Line]:
    yield from s.limits()
    groups = [*s.view.card.performance, *s.view.card.bias]
    yield from s.figures("Accuracy for groups of people", groups, groups=True)
    yield s.of_system("Who is affected", "affected_people")
    yield s.of_system("Foreseeable misuse", "foreseeable_misuse")
    yield s.assessed("Unintended outcomes", "impacts")
    yield s.assessed("When it fails", "failures")
    yield s.assessed("Human oversight", "human_oversight")
    yield s.detail("Input data: signature", "Signature")


def _metrics(s: Sources) -> Iterator[Line]:
    yield s.assessed("Why these metrics are appropriate", "algorithm", "performance", "fairness")
    yield from s.figures("Metrics", s.view.card.performance, groups=False)
    policies = s.view.of_kind("policy")
    yield from s.events("Limits that they are held against", policies, "aims policy pin FILE")


def _risks(s: Sources) -> Iterator[Line]:
    yield s.of_system("Risk tier", "risk_tier")
    yield s.assessed("Risks to individuals, groups and society", "impacts")
    yield s.assessed("What is done about them", "measures")
    yield s.assessed("Review by", "review_by")
    consent = [r for r in s.view.card.records[::-1] if _theme(r.evidence.kind) is Theme.CONSENT]
    yield from s.events(
        "Who accepted what remains", consent, "aims assess approve --model MODEL --as PERSON"
    )
    yield from s.events(
        "Found wrong since",
        (r for r in s.view.operation if r.evidence.kind in AFTER_KINDS),
        "none is recorded; say in the document whether there is none",
    )


def _changes(s: Sources) -> Iterator[Line]:
    steps = [r for r in s.view.card.records[::-1] if _theme(r.evidence.kind) is Theme.DECISION]
    deployed = [r for r in s.view.operation if r.evidence.kind == "deployment"]
    events = sorted({r.id: r for r in (*steps, *deployed)}.values(), key=lambda r: r.sequence)
    yield from s.events(
        "Change", events, "aims promote MODEL --alias champion, or aims deployment record MODEL"
    )


def _standards(s: Sources) -> Iterator[Line]:
    yield ask("Harmonised standards applied in full or in part", _BY_HAND)
    yield ask("Other solutions, where no such standard was applied", _BY_HAND)


def _declaration(s: Sources) -> Iterator[Line]:
    yield ask("EU declaration of conformity (Article 47)", "the provider draws it up and signs it")


def _after_market(s: Sources) -> Iterator[Line]:
    plans = [r for r in s.view.operation if r.evidence.kind == "monitoring-schedule"]
    runs = [r for r in s.view.operation if r.evidence.kind == "monitoring-run"]
    yield from s.events("Plan (Article 72)", plans, "declare monitoring of the system in aims.yaml")
    yield from s.events("What was measured", runs, "aims monitor run")
    yield from s.figures("Drift", s.view.card.drift, groups=False)


def _theme(kind: str) -> Theme | None:
    return KINDS[kind].theme if kind in KINDS else None


_POINTS: tuple[Part, ...] = (
    ("1", "General description", "What the system is, for what, and by whom.", _general),
    ("2", "Elements and development", "How it was made, from what, and how tested.", _development),
    ("3", "Monitoring, functioning and control", "What it can and cannot do.", _functioning),
    ("4", "Appropriateness of the metrics", "Why it is measured as it is.", _metrics),
    ("5", "Risk management", "What can go wrong and what is done (Article 9).", _risks),
    ("6", "Changes through the life cycle", "What changed since.", _changes),
    ("7", "Standards applied", "What the system was built to.", _standards),
    ("8", "EU declaration of conformity", "A copy of it.", _declaration),
    ("9", "Post-market monitoring", "How it is watched in operation (Article 72).", _after_market),
)
