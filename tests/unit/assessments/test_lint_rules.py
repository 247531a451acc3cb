"""What an assessment lacks for each risk tier, and what its parts say against each other."""

import pytest

from aims_mlops.assessments.document import Assessment, Impact, Measure
from aims_mlops.assessments.lint import REQUIRED, lint, read_assessment, residual_impact
from aims_mlops.errors import DocumentError
from aims_mlops.policy.grammar import ImpactScale

SCALE = ImpactScale()
HARM = {"id": "refused", "on": "individuals", "kind": "harm", "description": "one is refused",
        "likelihood": "possible", "severity": "moderate", "reversible": "yes",
        "residual_likelihood": "rare", "residual_severity": "minor"}  # fmt: skip
BENEFIT = {"id": "quick", "on": "groups", "kind": "benefit", "description": "an answer today",
           "likelihood": "likely", "severity": "minor"}  # fmt: skip
SOCIETY = {**BENEFIT, "id": "credit", "on": "society"}
MEASURE = {"id": "look", "for_impacts": ("refused",), "description": "a clerk looks",
           "owner": "bo", "due": "2027-01-31"}  # fmt: skip


def whole(**changes):
    """An assessment that lacks nothing for high risk, with changes."""
    texts = dict.fromkeys(REQUIRED["high"], "text")
    content = {"system": "loans", "author": "ana", "review_by": "2027-11-01"}
    for path, text in texts.items():
        section, _, key = path.partition(".")
        if key:
            content.setdefault(section, {})[key] = text
        else:
            content[section] = text
    content["interested_parties"] = ({"who": "customers"},)
    content["impacts"] = (HARM, BENEFIT, SOCIETY)
    content["measures"] = (MEASURE,)
    return Assessment.model_validate({**content, **changes})


def told(assessment, tier):
    return [problem.thing for problem in lint(assessment, risk_tier=tier)]


@pytest.mark.parametrize("tier", ["minimal", "limited", "high"])
def test_whole_assessment_lacks_nothing(tier):
    assert told(whole(), tier) == []


@pytest.mark.parametrize("tier", ["minimal", "limited", "high"])
def test_every_text_of_the_tier_is_asked_for(tier):
    bare = Assessment(system="loans")
    found = told(bare, tier)
    assert [f"{path} is empty" for path in REQUIRED[tier]] == found[: len(REQUIRED[tier])]
    assert ("nobody is listed" in found) == (tier != "minimal")
    assert ("review_by is empty" in found) == (tier == "high")
    assert ("no harm is described" in found) == (tier != "minimal")
    missing = {
        "minimal": [],
        "limited": ["individuals"],
        "high": ["individuals", "groups", "society"],
    }
    assert [text for text in found if text.startswith("no impact on")] == [
        f"no impact on {on} is described" for on in missing[tier]
    ]


@pytest.mark.parametrize(
    ("impact", "minimal", "high"),
    [
        ({"description": " "}, ["impact refused is not described"], None),
        ({"likelihood": "often"}, ["likelihood of refused is no word of the scale"], None),
        ({"severity": ""}, ["severity of refused is no word of the scale"], None),
        ({"reversible": None}, [], ["refused does not say if it is reversible"]),
        (
            {"residual_likelihood": ""},
            [],
            ["residual_likelihood of refused is no word of the scale"],
        ),
        (
            {"residual_severity": "bad"},
            [],
            ["residual_severity of refused is no word of the scale"],
        ),
        ({"id": "other"}, [], ["no measure is for the harm other"]),
    ],
)
def test_harm_says_what_its_tier_asks(impact, minimal, high):
    changed = whole(impacts=({**HARM, **impact}, BENEFIT, SOCIETY))
    assert told(changed, "minimal") == told(changed, "limited") == minimal
    assert told(changed, "high") == (minimal if high is None else high)


def test_benefit_needs_no_measure_and_no_residual_figure():
    assert told(whole(impacts=(HARM, {**BENEFIT, "reversible": None}, SOCIETY)), "high") == []


def test_words_of_the_scale_are_proposed():
    (problem,) = lint(whole(impacts=({**HARM, "likelihood": "posible"},)), risk_tier="minimal")
    assert "did you mean 'possible'" in problem.text()
    assert "one of rare, unlikely" in problem.text()
    own = ImpactScale(likelihood=("posible",), severity=("moderate", "minor"))
    changed = whole(impacts=({**HARM, "likelihood": "posible"},))
    assert lint(changed, risk_tier="minimal", scale=own) == []


@pytest.mark.parametrize(
    ("measure", "limited", "high"),
    [
        ({"owner": " "}, ["measure look has no owner"], ["measure look has no owner"]),
        ({"due": None}, [], ["measure look has no due date"]),
        ({"due": None, "done": True}, [], []),
    ],
)
def test_measure_has_an_owner_and_a_date(measure, limited, high):
    changed = whole(measures=({**MEASURE, **measure},))
    assert (told(changed, "minimal"), told(changed, "limited"), told(changed, "high")) == (
        [],
        limited,
        high,
    )


def test_residual_impact_is_the_product_of_both_ranks_from_one():
    def figure(likelihood, severity):
        impact = {**HARM, "residual_likelihood": likelihood, "residual_severity": severity}
        return residual_impact(Impact.model_validate(impact), SCALE)

    assert figure("rare", "negligible") == 1
    assert figure("likely", "moderate") == 12
    assert figure("almost-certain", "severe") == 25
    assert figure("", "severe") is None
    assert figure("rare", "") is None


def test_ids_that_are_used_twice_or_lead_nowhere_are_told_by_line(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "system: loans\n"
        "impacts:\n"
        "  - {id: a, on: society, kind: harm, description: x}\n"
        "  - {id: a, on: society, kind: harm, description: y}\n"
        "measures:\n"
        "  - {id: m, description: x, for_impacts: [a, b]}\n"
        "  - {id: m, description: x}\n"
    )
    with pytest.raises(DocumentError) as refused:
        read_assessment(path)
    text = str(refused.value)
    assert "a.yaml:4: id 'a' is used twice" in text
    assert "a.yaml:6: no impact has the id 'b'" in text
    assert "a.yaml:7: id 'm' is used twice" in text
    assert text.count("is used twice") == 2


def test_text_and_provenance_of_a_field_that_is_none():
    found = whole()
    assert found.text_at("scope.covers") == "text"
    assert (
        found.text_at("scope") == found.text_at("scope.nothing") == found.text_at("no.where") == ""
    )
    assert found.provenance("scope.leaves_out") == "missing"
    assert found.provenance("scope.covers") == "declared"
    assert Measure(id="m", description="x").done is False
    assert Impact.model_validate(BENEFIT).from_misuse is False
    assert found.version == 1


def test_impact_on_one_is_none_on_another_and_a_benefit_is_no_harm():
    only_society = whole(impacts=({**HARM, "on": "society"},), measures=())
    assert told(only_society, "limited") == ["no impact on individuals is described"]
    only_benefit = whole(impacts=({**BENEFIT, "on": "individuals"},), measures=())
    assert told(only_benefit, "limited") == ["no harm is described"]
    assert told(only_benefit, "minimal") == []


def test_date_that_is_in_no_calendar_is_told_by_line(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "system: loans\nreview_by: 2027-02-30\nmeasures:\n"
        "  - {id: m, description: x, due: 2027-02-28}\n"
        "  - {id: n, description: x, due: 2027-13-01}\n"
        "  - {id: o, description: x}\n"
    )
    with pytest.raises(DocumentError) as refused:
        read_assessment(path)
    text = str(refused.value)
    assert "a.yaml:2: there is no such date; got '2027-02-30'" in text
    assert "a.yaml:5: there is no such date; got '2027-13-01'" in text
    assert text.count("no such date") == 2
