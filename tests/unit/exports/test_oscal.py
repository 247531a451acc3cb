"""OSCAL documents, read by compliance-trestle.

trestle reads OSCAL 1.2 alone. Ours of 1.1.3 differ from ours of 1.2.1 in the number of the version
and the ids that are made from it, and a test says so; what 1.2 added, we do not write.
"""

from __future__ import annotations

import json
import warnings

import pytest

from aims_mlops.errors import EvidenceNotFoundError, InputError
from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.evidence.records import Subject
from aims_mlops.exports.export import export

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from trestle.oscal.assessment_results import AssessmentResults
    from trestle.oscal.component import ComponentDefinition
    from trestle.oscal.poam import PlanOfActionAndMilestones

READERS = {
    "oscal-assessment-results": ("assessment-results", AssessmentResults),
    "oscal-poam": ("plan-of-action-and-milestones", PlanOfActionAndMilestones),
    "oscal-component-definition": ("component-definition", ComponentDefinition),
}


def read(store, name, system="loans"):
    key, reader = READERS[name]
    return reader.model_validate(json.loads(export(store, name, system).content)[key])


@pytest.fixture
def wrong(world):
    """A world with two nonconformities."""
    world.train()
    for number, what in enumerate(("model drifted", "<b>\u202e\x1b odd")):
        world.record("nonconformity", [Subject.of_name(f"k/{number}")],
                     {"what": what, "state": "open", "severity": "major", "reason": what,
                      "next_step": "look", "key": f"k/{number}"})  # fmt: skip
    return world


def test_each_control_has_a_finding_with_the_records_behind_it(recorded, store):
    found = read(store, "oscal-assessment-results")
    (result,) = found.results
    assert [f.target.target_id for f in result.findings] == list(CONTROLS)
    ids = {record.id for record in store.find()}
    observed = {o.uuid: o for o in result.observations}
    for finding in result.findings:
        for related in finding.related_observations or ():
            for evidence in observed[related.observation_uuid].relevant_evidence:
                assert evidence.href.removeprefix("urn:aims-mlops:record:") in ids
    data = next(f for f in result.findings if f.target.target_id == "A.7.2")
    assert data.related_observations


def test_control_without_evidence_is_not_satisfied(recorded, store):
    (result,) = read(store, "oscal-assessment-results").results
    policy = next(f for f in result.findings if f.target.target_id == "A.2.2")
    assert policy.target.status.state.value == "not-satisfied"


def test_nonconformities_are_items_with_risk_and_deadline(wrong):
    plan = read(wrong.store, "oscal-poam")
    assert plan.poam_items[0].title == "model drifted"
    assert len(plan.risks) == len(plan.poam_items) == 2
    assert all(risk.deadline for risk in plan.risks)
    (result,) = read(wrong.store, "oscal-assessment-results").results
    assert len(result.risks) == 2


def test_plan_of_nothing_is_told(recorded, store):
    with pytest.raises(EvidenceNotFoundError, match="no nonconformity"):
        export(store, "oscal-poam", "loans")


def test_component_names_the_record_that_declares_it(recorded, store):
    (component,) = read(store, "oscal-component-definition").components
    (record,) = list(store.find(kind="system"))[-1:]
    assert {p.name: p.value for p in component.props}["record"] == record.id
    assert component.purpose == "help clerks decide about loans"


@pytest.mark.parametrize("name", READERS)
def test_older_version_differs_in_its_number_and_ids_alone(wrong, name):
    key, _ = READERS[name]
    older, newer = (
        json.loads(export(wrong.store, name, "loans", version=version).content)[key]
        for version in ("1.1.3", "1.2.1")
    )
    assert older["metadata"].pop("oscal-version") == "1.1.3"
    assert newer["metadata"].pop("oscal-version") == "1.2.1"
    assert older.pop("uuid") != newer.pop("uuid")
    assert older == newer


def test_system_that_nobody_knows_is_told(recorded, store):
    with pytest.raises(InputError, match="no evidence of system"):
        export(store, "oscal-assessment-results", "no-such-system")
