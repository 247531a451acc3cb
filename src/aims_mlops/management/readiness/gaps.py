"""The five gaps that fail audits, each looked for in the log. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.bodies.decision import PromotionBody
from aims_mlops.evidence.bodies.management import CompetenceBody, SupplierEntryBody
from aims_mlops.evidence.bodies.operation import DeploymentBody
from aims_mlops.evidence.records import Record
from aims_mlops.inventory.declared.people import People
from aims_mlops.management.readiness import by_checking, by_people
from aims_mlops.management.readiness.picture import Picture

TITLES = {
    1: "No inventory",
    2: "Assessment after deployment",
    3: "Third-party AI out of scope",
    4: "No competence records",
    5: "Management cannot speak to it",
}
# Packages that call a model of somebody else, by the name they are installed under.
LLM_CLIENTS = (
    "openai", "anthropic", "cohere", "mistralai", "google-genai", "google-generativeai",
    "google-cloud-aiplatform", "groq", "together", "replicate", "ollama", "litellm",
    "azure-ai-inference",
    "voyageai", "ai21", "langchain-openai",
    "langchain-anthropic", "langchain-google-genai", "langchain-mistralai", "langchain-cohere",
    "llama-index-llms-openai", "pydantic-ai", "pydantic-ai-slim", "dspy", "dspy-ai",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One finding.

    number : of the gap, 1 to 5.  thing : what it is about.  record : id of what shows it, None
    where something is absent.  current : whether it concerns what is in use now.
    """

    number: int
    thing: str
    words: str
    next_step: str
    record: str | None = None
    system: str | None = None
    current: bool = True

    def to_body(self) -> dict[str, Any]:
        """JSON values for `--json`."""
        return {
            "gap": self.number,
            "title": TITLES[self.number],
            "thing": self.thing,
            "words": self.words,
            "next_step": self.next_step,
            "record": self.record,
            "system": self.system,
        }


def every_gap(picture: Picture) -> tuple[Gap, ...]:
    """All findings, gap by gap."""
    return (
        *no_inventory(picture),
        *assessed_after(picture),
        *third_party(picture),
        *incompetent(picture),
        *speechless(picture),
    )


def no_inventory(picture: Picture) -> tuple[Gap, ...]:
    """1: a model or deployment that no system claims; a system without owner, role, use."""
    found: list[Gap] = []
    known = {system.id for system in picture.systems}
    for name, record in picture.registered.items():
        claimed = record.evidence.system in known
        if not claimed and not any(system.has_model(name) for system in picture.systems):
            words = f"registered model {name} belongs to no AI system of aims.yaml"
            found.append(
                _gap(1, f"model {name}", words, "name it under models of a system", record)
            )
    seen: set[str] = set()
    for use in picture.in_use():
        if use.system not in known and str(use.system) not in seen:
            seen.add(str(use.system))
            words = f"{use.words} is in use, and aims.yaml has no system {use.system}"
            found.append(
                _gap(1, f"system {use.system}", words, "add the system to aims.yaml", use.record)
            )
    for system in picture.systems:
        lacking = [
            name
            for name, value in (
                ("owner", system.owner),
                ("risk_owner", system.risk_owner),
                ("organisation_roles", system.organisation_roles),
                ("intended_use", system.intended_use),
            )
            if not value
        ]
        if lacking:
            words = f"AI system {system.id} says no {', '.join(lacking)}"
            step = f"fill it in under systems, id: {system.id}, in aims.yaml"
            found.append(
                Gap(number=1, thing=f"system {system.id}", words=words, next_step=step,
                    system=system.id)
            )  # fmt: skip
    if not picture.systems:
        words = "aims.yaml lists no AI system"
        found.append(Gap(number=1, thing="inventory", words=words, next_step="aims init"))
    return tuple(found)


def assessed_after(picture: Picture) -> tuple[Gap, ...]:
    """2: put to use before an assessment of that content was approved."""
    found: list[Gap] = []
    current = {use.record.id for use in picture.in_use()}
    for record in picture.begun:
        model = _content(record)
        approvals = picture.approvals_of(model)
        if any(approval.sequence < record.sequence for approval in approvals):
            continue
        what = "promoted" if record.evidence.kind == "promotion" else "deployed"
        after = (
            f"approved after it, by record {approvals[0].id[:8]}" if approvals else "never approved"
        )
        day = record.received_at[:10]
        words = f"content {model[:12]} was {what} on {day}; its assessment was {after}"
        step = "aims assess submit --model MODEL; aims assess approve --model MODEL"
        found.append(
            _gap(2, f"content {model[:12]}", words, step, record, current=record.id in current)
        )
    return tuple(found)


def third_party(picture: Picture) -> tuple[Gap, ...]:
    """3: a package that calls others' models, or a declared supplier, that no entry covers."""
    patterns = [
        str(pattern).lower()
        for entry in picture.register.open("supplier")
        if isinstance(entry.body, SupplierEntryBody)
        for pattern in (*(entry.body.covers or ()), entry.title)
    ]
    found: list[Gap] = []
    seen: set[str] = set()
    step = "aims record add --template supplier"
    for (name, system), record in picture.packages.items():
        if name in LLM_CLIENTS and name not in seen and not _covered(name, patterns):
            seen.add(name)
            words = f"package {name}, which calls models of others, was seen in a run of {system}"
            found.append(_gap(3, f"package {name}", words, step, record))
    for declared in picture.systems:
        for supplier in declared.suppliers:
            names = [text.lower() for text in (supplier.name, supplier.provides) if text]
            if not any(_covered(name, patterns) for name in names):
                words = f"{declared.id} is built on {supplier.provides} of {supplier.name}"
                found.append(
                    Gap(number=3, thing=f"supplier {supplier.name}", words=words, next_step=step,
                        system=declared.id)
                )  # fmt: skip
    return tuple(found)


def incompetent(picture: Picture) -> tuple[Gap, ...]:
    """4: somebody acted in a role without a verified competence for it that holds."""
    people = People(picture.settings.people)
    roles = {
        (str(entry.body.person), str(entry.body.role))
        for entry in picture.register.open("competence")
        if isinstance(entry.body, CompetenceBody)
        and entry.approval is not None
        and not entry.is_expired(picture.now)
    }
    found: list[Gap] = []
    told: set[tuple[str, str]] = set()
    for role, actors in _acted(picture):
        for actor, record in actors.items():
            person = people.human(actor)
            if (person, role) in roles or (person, role) in told:
                continue
            told.add((person, role))
            words = f"{person} acted as {role} on {record.received_at[:10]}"
            step = "aims record add --template competence"
            found.append(_gap(4, f"{person} as {role}", words, step, record))
    return tuple(found)


def speechless(picture: Picture) -> tuple[Gap, ...]:
    """5: no policy of top management within a year, no review, no pack that was looked at."""
    found: list[Gap] = []
    for thing, check in (
        ("AI policy", by_people.policy),
        ("management review", by_checking.reviews),
        ("review pack", by_checking.review_inputs),
    ):
        result = check(picture)
        if result.state != "met":
            record = result.records[0] if result.records else None
            found.append(
                Gap(number=5, thing=thing, words=result.why, next_step=result.next_step,
                    record=record)
            )  # fmt: skip
    return tuple(found)


def _acted(picture: Picture) -> Iterable[tuple[str, dict[str, Record]]]:
    """Role -> who acted in it; an audit's auditor too."""
    yield from picture.acted.items()
    audits: dict[str, Record] = {}
    for entry in picture.register.of_register("audit"):
        auditor = getattr(entry.body, "auditor", None)
        if auditor and getattr(entry.body, "performed", None):
            audits.setdefault(str(auditor), entry.latest)
    yield "internal-auditor", audits


def _content(record: Record) -> str:
    kind = PromotionBody if record.evidence.kind == "promotion" else DeploymentBody
    return str(kind.of(record).model)


def _covered(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _gap(
    number: int, thing: str, words: str, next_step: str, record: Record, *, current: bool = True
) -> Gap:
    return Gap(
        number=number,
        thing=thing,
        words=words,
        next_step=next_step,
        record=record.id,
        system=record.evidence.system,
        current=current,
    )
