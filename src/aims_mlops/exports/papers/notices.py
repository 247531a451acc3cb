"""Notices that two laws of the United States ask for, as drafts from the log. Pure.

Sources: Colorado Revised Statutes 6-1-1701 and following (SB 24-205); New York City Administrative
Code 20-870 and following with 6 RCNY 5-300 (Local Law 144 of 2021). In our words; no legal advice.
"""

from __future__ import annotations

from collections.abc import Iterator

from aims_mlops.exports.basis.model_view import ModelView
from aims_mlops.exports.papers.paper import Line, Paper
from aims_mlops.exports.papers.sources import Part, Sources, ask, paper_of

_BY_HAND = "add it to the notice; the log has no place for it"


def colorado(view: ModelView, version: str = "") -> Paper:
    """What a developer tells deployers of a high-risk system, and a deployer tells consumers."""
    parts: tuple[Part, ...] = (
        (
            "1",
            "To deployers (developer)",
            "What a deployer needs to assess it.",
            _deployers,
        ),
        ("2", "To consumers (deployer)", "What is told before a decision.", _consumers),
    )
    return _paper(view, "Notice (Colorado, SB 24-205)", "C.R.S. 6-1-1702 and 6-1-1703", parts)


def new_york(view: ModelView, version: str = "") -> Paper:
    """The summary of a bias audit of an automated employment decision tool, and the notice."""
    parts: tuple[Part, ...] = (
        ("1", "Summary of the bias audit", "Impact ratios by category, to be published.", _audit),
        ("2", "To candidates", "Ten business days before the tool is used.", _candidates),
    )
    return _paper(view, "Notice (New York City, Local Law 144)", "6 RCNY 5-300 to 5-304", parts)


def _paper(view: ModelView, title: str, source: str, parts: tuple[Part, ...]) -> Paper:
    draft = "A draft: have it completed and checked by somebody who knows this law."
    return paper_of(view, title, source, draft, parts)


def _deployers(s: Sources) -> Iterator[Line]:
    yield s.of_system("Intended uses and benefits", "purpose", "intended_use")
    yield s.of_system("Foreseeable harmful uses", "foreseeable_misuse")
    yield from s.datasets()
    yield from s.limits()
    yield from s.figures("How performance was evaluated", s.view.card.performance, groups=False)
    yield from s.figures("Discrimination measured", s.view.card.bias, groups=True)
    yield s.assessed("What was done against discrimination", "measures")
    yield s.assessed("How it should be used and monitored by a person", "human_oversight")


def _consumers(s: Sources) -> Iterator[Line]:
    yield s.of_system("What the system is for", "purpose")
    yield ask("What kind of decision it has a part in", _BY_HAND)
    yield ask("Whom to ask, how to correct data, how to appeal to a person", _BY_HAND)
    yield ask("The right to opt out of profiling, where it applies", _BY_HAND)


def _audit(s: Sources) -> Iterator[Line]:
    yield ask("Date of the most recent bias audit, and the independent auditor", _BY_HAND)
    yield from s.figures("Selection rates and impact ratios", s.view.card.bias, groups=True)
    yield from s.datasets()
    yield ask("How many people fall into an unknown category", _BY_HAND)
    yield Line("Version of the tool", (s.view.sha256,), s.view.card.details[2].source, None, "")


def _candidates(s: Sources) -> Iterator[Line]:
    yield s.of_system("What the tool is for", "purpose")
    yield ask("Qualifications and characteristics that it weighs", _BY_HAND)
    yield ask("Kinds and sources of data, and how long they are kept", _BY_HAND)
    yield ask("How to ask for another way of selection or an accommodation", _BY_HAND)
