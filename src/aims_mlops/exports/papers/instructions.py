"""Instructions for use, Article 13 of the EU AI Act, as a draft from the log. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.exports.papers.paper import Line, Paper
from aims_mlops.exports.papers.sources import Part, Sources, ask, paper_of

_BY_HAND = "add it to the document; the log has no place for it"


def instructions_for_use(view: ModelView, version: str = "") -> Paper:
    """What a deployer is told of the AI system with this model."""
    parts: tuple[Part, ...] = (
        ("a", "Provider", "Who answers for the system.", _provider),
        ("b", "Characteristics, capabilities and limits", "What to expect.", _limits),
        (
            "c",
            "Changes determined beforehand",
            "What may change.",
            _planned,
        ),
        ("d", "Human oversight", "Who looks, and how.", _oversight),
        ("e", "Resources, lifetime and upkeep", "What it needs.", _upkeep),
        ("f", "Logs", "How its use is recorded (Article 12).", _logs),
    )
    return paper_of(
        view,
        "Instructions for use (EU AI Act, Article 13)",
        "Regulation (EU) 2024/1689, Article 13(3)",
        "A draft for the provider to complete, in the language of its readers.",
        parts,
    )


def _provider(s: Sources) -> Iterator[Line]:
    yield s.of_system("Who answers for the system", "owner", "risk_owner")
    yield ask("Name and contact of the provider", _BY_HAND)


def _limits(s: Sources) -> Iterator[Line]:
    yield s.of_system("Intended purpose", "purpose", "intended_use")
    yield from s.figures("Accuracy", s.view.card.performance, groups=False)
    yield from s.figures(
        "Accuracy for groups", [*s.view.card.performance, *s.view.card.bias], groups=True
    )
    yield s.of_system("Foreseeable misuse", "foreseeable_misuse")
    yield s.assessed("Not to be used for", "system_information", "unintended_uses")
    yield s.assessed("Where it works badly", "algorithm", "limitations")
    yield s.detail("Input data", "Signature")
    yield from s.datasets()
    yield ask("How to read what it says", _BY_HAND)
    yield ask("Robustness and cybersecurity", _BY_HAND)


def _planned(s: Sources) -> Iterator[Line]:
    yield ask("Changes determined beforehand", _BY_HAND)


def _oversight(s: Sources) -> Iterator[Line]:
    yield s.assessed("Human oversight", "human_oversight", "who", "how")


def _upkeep(s: Sources) -> Iterator[Line]:
    yield s.fact("Software", "model", "framework")
    yield s.assessed("Where it runs", "deployment", "environment")
    yield ask("Expected lifetime, and upkeep", _BY_HAND)


def _logs(s: Sources) -> Iterator[Line]:
    logs = [r for r in s.view.operation if r.evidence.kind == "inference-log"]
    yield from s.events(
        "Logs of predictions",
        logs[-1:],
        "serve it with its log: aims serve-model MODEL --target TARGET",
    )
