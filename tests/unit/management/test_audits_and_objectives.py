"""Findings of audits become nonconformities; objectives are read where the log has their figure."""

from __future__ import annotations

import pytest

from aims_mlops.errors import DocumentError
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.management.objectives import reached
from aims_mlops.operations.audit_findings import findings_of
from aims_mlops.operations.nonconformity import nonconformities
from support.registers import NOW

FINDINGS = [
    {"finding": "no course was written down", "grade": "minor", "requirement": "7.2"},
    {"finding": "the assessment came after", "grade": "major", "requirement": "8.4"},
    {"finding": "the list is long", "grade": "observation"},
]


def test_findings_are_opened_as_nonconformities_once(organisation):
    organisation.add("audit", findings=FINDINGS)
    organisation.change("A-2026", findings=FINDINGS, method="by sample")
    opened = nonconformities(organisation.store)
    assert [(one.severity, one.reason, one.system) for one in opened] == [
        ("minor", "no course was written down", "loans"),
        ("major", "the assessment came after", "loans"),
    ]
    content = organisation.entry("A-2026").to_body(NOW)["content"]
    found = findings_of(content, opened)
    assert [one.nonconformity for one in found] == [*opened, None]


def test_finding_that_names_its_nonconformity_opens_none(organisation):
    organisation.add("audit", findings=FINDINGS[:1])
    (known,) = nonconformities(organisation.store)
    named = {**FINDINGS[1], "nonconformity": known.id[:12]}
    organisation.change("A-2026", findings=[FINDINGS[0], named])
    assert len(nonconformities(organisation.store)) == 1
    content = organisation.entry("A-2026").to_body(NOW)["content"]
    assert [f.nonconformity.id for f in findings_of(content, [known])] == [known.id, known.id]


def test_auditor_who_acted_on_the_system_is_refused(organisation):
    organisation.store.append(
        Evidence(
            kind="deployment",
            subjects=(Subject.of_name("system:loans"),),
            body={"event": "deployed"},
            actor="di",
            claimed_at="2026-11-01T09:00:00Z",
            system="loans",
        )
    )
    with pytest.raises(DocumentError, match="di acted on loans in the log"):
        organisation.add("audit")
    organisation.add("audit", systems=["support-bot"])


def figures(value, *, group=None, system="loans"):
    entry = {"measure": "recall_score", "group": group, "value": value}
    return Evidence(
        kind="performance",
        subjects=(Subject.of_name("model:m"),),
        body={"figures": [{"measure": "accuracy_score", "group": None, "value": 0.1}, entry]},
        actor="ana",
        claimed_at="2026-11-01T09:00:00Z",
        system=system,
    )


def test_objective_is_read_from_the_newest_figure_of_its_system(organisation):
    organisation.add("objective")
    store = organisation.store
    assert reached(organisation.entry("O-1"), store.find()).value is None
    store.append(figures(0.9))
    newest = store.append(figures(0.7))
    store.append(figures(0.2, group={"sex": "f"}))
    store.append(figures(0.3, system="support-bot"))
    found = reached(organisation.entry("O-1"), store.find())
    assert (found.value, found.record.id, found.met, found.by_hand) == (
        0.7,
        newest.id,
        False,
        False,
    )


def test_objective_without_a_figure_is_as_a_person_says(organisation):
    organisation.add("objective", figure=None, value=0.85)
    organisation.change("O-1", value=0.9)
    entry = organisation.entry("O-1")
    found = reached(entry, ())
    assert (found.value, found.record.id, found.met, found.by_hand) == (
        0.9,
        entry.latest.id,
        True,
        True,
    )
    with pytest.raises(DocumentError, match="the value is read from the log"):
        organisation.change("O-1", figure={"kind": "performance", "measure": "recall_score"})
