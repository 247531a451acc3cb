"""Reading an assessment file, and what it still lacks for a risk tier, by line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from aims_mlops.assessments.document import Assessment, Impact
from aims_mlops.documents.document import Document, Place
from aims_mlops.documents.problems import Problem, did_you_mean, inspected, refuse, validated
from aims_mlops.documents.reading import read_document
from aims_mlops.inventory.declared.system import RiskTier
from aims_mlops.policy.grammar import ImpactScale

_MINIMAL = (
    "author",
    "scope.covers",
    "system_information.description",
    "system_information.purpose",
    "system_information.intended_uses",
)
_LIMITED = (
    *_MINIMAL,
    "system_information.unintended_uses",
    "data.description",
    "algorithm.description",
    "deployment.environment",
    "foreseeable_misuse",
    "human_oversight.who",
)
_HIGH = (
    *_LIMITED,
    "data.quality",
    "algorithm.performance",
    "algorithm.limitations",
    "deployment.geography",
    "failures",
    "human_oversight.how",
)
REQUIRED: dict[RiskTier, tuple[str, ...]] = {
    "minimal": _MINIMAL,
    "limited": _LIMITED,
    "high": _HIGH,
}
# Who must be considered: a high-risk system's effect on society is never left open.
_CONSIDERED: dict[RiskTier, tuple[str, ...]] = {
    "minimal": (),
    "limited": ("individuals",),
    "high": ("individuals", "groups", "society"),
}


def read_assessment(path: Path | str) -> tuple[Assessment, Document]:
    """The assessment of a YAML or Markdown file, and the file with its lines.

    Raises DocumentError with every problem of its shape.
    """
    document = read_document(path)
    return assessment_in(document), document


def assessment_in(document: Document) -> Assessment:
    """The assessment that a document is; raises DocumentError with every problem of its shape."""
    next_step = f"aims assess lint {document.path}"
    return validated(document, Assessment, next_step=next_step, checks=(_contradictions,))


def lint_file(
    path: Path | str, *, risk_tier: RiskTier, scale: ImpactScale | None = None
) -> tuple[Assessment | None, Document, list[Problem]]:
    """The assessment of a file, the file, and everything that is wrong with it or missing.

    None if what is wrong leaves no assessment. Raises DocumentError for a file that is no YAML.
    """
    document = read_document(path)
    found, problems = lint_document(document, risk_tier=risk_tier, scale=scale)
    return found, document, problems


def lint_document(
    document: Document, *, risk_tier: RiskTier, scale: ImpactScale | None = None
) -> tuple[Assessment | None, list[Problem]]:
    """The assessment that a document is, and everything that is wrong with it or missing."""

    def missing(assessment: Assessment) -> Iterable[Problem]:
        return lint(assessment, risk_tier=risk_tier, scale=scale)

    return inspected(document, Assessment, checks=(_contradictions, missing))


def lint(
    assessment: Assessment, *, risk_tier: RiskTier, scale: ImpactScale | None = None
) -> list[Problem]:
    """What is missing or does not fit for this risk tier."""
    scale = scale or ImpactScale()
    problems = [
        Problem(tuple(path.split(".")), f"{path} is empty", expected=f"text ({risk_tier} risk)")
        for path in REQUIRED[risk_tier]
        if not assessment.text_at(path).strip()
    ]
    if risk_tier != "minimal" and not assessment.interested_parties:
        problems.append(Problem(("interested_parties",), "nobody is listed", expected="a party"))
    if risk_tier == "high" and assessment.review_by is None:
        problems.append(Problem(("review_by",), "review_by is empty", expected="a date"))
    problems += _impacts(assessment, risk_tier, scale)
    problems += _measures(assessment, risk_tier)
    return problems


def refuse_incomplete(
    assessment: Assessment,
    document: Document,
    *,
    risk_tier: RiskTier,
    scale: ImpactScale | None = None,
) -> None:
    """Raise DocumentError, with every line, if anything is missing for this risk tier."""
    problems = lint(assessment, risk_tier=risk_tier, scale=scale)
    if problems:
        refuse(
            document, problems, f"fill in what is missing, then: aims assess lint {document.path}"
        )


def residual_impact(impact: Impact, scale: ImpactScale) -> int | None:
    """Likelihood × severity after measures, each counted from 1; None if a word is not given."""
    if (
        impact.residual_likelihood in scale.likelihood
        and impact.residual_severity in scale.severity
    ):
        return (scale.likelihood.index(impact.residual_likelihood) + 1) * (
            scale.severity.index(impact.residual_severity) + 1
        )
    return None


def _impacts(assessment: Assessment, risk_tier: RiskTier, scale: ImpactScale) -> Iterable[Problem]:
    place = ("impacts",)
    for on in _CONSIDERED[risk_tier]:
        if not any(impact.on == on for impact in assessment.impacts):
            yield Problem(place, f"no impact on {on} is described", expected="a benefit or a harm")
    if not any(impact.kind == "harm" for impact in assessment.impacts) and risk_tier != "minimal":
        yield Problem(place, "no harm is described", expected="at least one that was considered")
    measured = {id_ for measure in assessment.measures for id_ in measure.for_impacts}
    for i, impact in enumerate(assessment.impacts):
        if not impact.description.strip():
            yield Problem(("impacts", i, "description"), f"impact {impact.id} is not described")
        needed = ["likelihood", "severity"]
        if impact.kind == "harm" and risk_tier == "high":
            needed += ["residual_likelihood", "residual_severity"]
            if impact.reversible is None:
                yield Problem(("impacts", i), f"{impact.id} does not say if it is reversible")
            if impact.id not in measured:
                yield Problem(("impacts", i), f"no measure is for the harm {impact.id}")
        for field in needed:
            words = scale.likelihood if field.endswith("likelihood") else scale.severity
            got = getattr(impact, field)
            if got not in words:
                yield Problem(
                    ("impacts", i, field),
                    f"{field} of {impact.id} is no word of the scale",
                    repr(got),
                    "one of " + ", ".join(words),
                    did_you_mean(got, words) if got else None,
                )


def _measures(assessment: Assessment, risk_tier: RiskTier) -> Iterable[Problem]:
    for i, measure in enumerate(assessment.measures):
        if risk_tier != "minimal" and not measure.owner.strip():
            yield Problem(("measures", i, "owner"), f"measure {measure.id} has no owner")
        if risk_tier == "high" and measure.due is None and not measure.done:
            yield Problem(("measures", i, "due"), f"measure {measure.id} has no due date")


def _contradictions(assessment: Assessment) -> Iterable[Problem]:
    """Ids that are used twice or lead nowhere."""
    for field in ("impacts", "measures"):
        seen: set[str] = set()
        for i, row in enumerate(getattr(assessment, field)):
            if row.id in seen:
                yield Problem((field, i, "id"), f"id {row.id!r} is used twice")
            seen.add(row.id)
    dates: list[tuple[Place, str | None]] = [(("review_by",), assessment.review_by)]
    dates += [(("measures", i, "due"), m.due) for i, m in enumerate(assessment.measures)]
    for place, text in dates:
        if text is not None and not _is_date(text):
            yield Problem(place, "there is no such date", repr(text), "such as 2027-11-01")
    ids = {impact.id for impact in assessment.impacts}
    for i, measure in enumerate(assessment.measures):
        for j, id_ in enumerate(measure.for_impacts):
            if id_ not in ids:
                yield Problem(
                    ("measures", i, "for_impacts", j),
                    f"no impact has the id {id_!r}",
                    hint=did_you_mean(id_, ids),
                )


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
