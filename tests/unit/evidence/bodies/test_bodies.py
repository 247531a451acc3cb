"""Typed bodies lose nothing, refuse nothing, and are what the published schemas are made from."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aims_mlops.evidence.bodies.body import NEWEST, Body, SignedBody
from aims_mlops.evidence.bodies.consent import ApprovalBody, ConsentBody
from aims_mlops.evidence.bodies.decision import DecisionBody, PromotionBody
from aims_mlops.evidence.bodies.operation import SystemRenameBody
from aims_mlops.evidence.bodies.schema import BODIES, made_schema, normal
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import unseal
from aims_mlops.evidence.kinds import KINDS
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.schemas import schema_of

FIXTURES = Path(__file__).parents[3] / "fixtures" / "evidence"
STORED = sorted(FIXTURES.glob("*.json"))
VERSIONS = [(spec.name, version) for spec in KINDS.values() for version in spec.versions]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def stored_evidence(path: Path) -> Evidence:
    envelope = json.loads(path.read_text())["envelope"].encode()
    return Evidence.from_statement(json.loads(unseal(envelope).payload))


def approval(**body: Any) -> Evidence:
    return Evidence(
        kind="approval",
        subjects=(Subject.of_name("model:x"),),
        body=body,
        actor="ada",
        claimed_at="2026-01-01T00:00:00Z",
    )


def test_every_kind_and_version_has_a_body() -> None:
    assert set(BODIES) == set(VERSIONS)
    assert {kind: NEWEST[kind] for kind in KINDS} == {
        spec.name: BODIES[spec.name, max(spec.versions)] for spec in KINDS.values()
    }


@pytest.mark.parametrize(("kind", "version"), VERSIONS)
def test_published_schema_is_the_one_made_from_the_body(kind: str, version: int) -> None:
    assert normal(made_schema(kind, version)) == normal(schema_of(kind, version))


def test_every_published_schema_was_compared() -> None:
    published = {p.name for p in files("aims_mlops.evidence.schemas").iterdir()}
    compared = {f"{kind}-v{version}.json" for kind, version in VERSIONS}
    assert {name for name in published if name.endswith(".json")} == compared


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"required": ["a"]}, {"required": ["a", "b"]}),
        ({"enum": ["a"]}, {"enum": ["a", "b"]}),
        ({"enum": ["a", 1]}, {"type": "string", "enum": ["a", 1]}),
        ({"type": "string"}, {"type": "string", "pattern": "x"}),
    ],
)
def test_schemas_that_differ_in_meaning_stay_different(one: Any, other: Any) -> None:
    assert normal(one) != normal(other)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_body_of_each_version_comes_back_to_the_byte(path: Path) -> None:
    evidence = stored_evidence(path)
    stored = canonical(dict(evidence.body))
    for cls in (BODIES[evidence.kind, evidence.version], NEWEST[evidence.kind]):
        assert canonical(cls.read(evidence.body).to_body()) == stored
        assert canonical(cls.decode(stored).to_body()) == stored


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_every_field_of_a_stored_body_is_read(path: Path) -> None:
    evidence = stored_evidence(path)
    body = BODIES[evidence.kind, evidence.version].of(evidence)
    said = {f.encode_name: getattr(body, f.name) for f in msgspec.structs.fields(body)}
    known = {name: value for name, value in evidence.body.items() if name in said}
    assert {name: _plain(said[name]) for name in known} == known


def _plain(value: Any) -> Any:
    """A part that is a class of its own, as the JSON that it was read from."""
    if not isinstance(value, msgspec.Struct):
        return value
    return {k: v for k, v in msgspec.to_builtins(value).items() if v is not None}


@given(path=st.sampled_from(STORED), extra=st.dictionaries(st.text(max_size=12), JSON, max_size=5))
def test_fields_of_any_name_and_shape_survive(path: Path, extra: dict[str, Any]) -> None:
    evidence = stored_evidence(path)
    body = {**evidence.body, **extra}
    read = NEWEST[evidence.kind].of(replace(evidence, body=body))
    assert canonical(read.to_body()) == canonical(body)


@given(cls=st.sampled_from(list(BODIES.values())), data=st.data())
def test_odd_body_is_read_without_an_error(cls: type[Body], data: st.DataObject) -> None:
    names = [f.encode_name for f in msgspec.structs.fields(cls)]
    odd = data.draw(st.dictionaries(st.sampled_from(names), JSON))
    assert cls.read(odd).to_body() == odd


def test_field_of_another_type_is_none_and_the_others_are_read() -> None:
    body = DecisionBody.read({"allowed": "yes", "model": 7, "target": "production", "reasons": {}})
    assert (body.allowed, body.model, body.reasons) == (None, None, None)
    assert body.target == "production"
    assert body.to_body()["model"] == 7


def test_word_that_a_later_version_may_bring_is_read_as_it_is() -> None:
    assert DecisionBody.read({"verdict": "postponed"}).verdict == "postponed"


def test_whole_number_is_not_read_as_a_yes() -> None:
    assert DecisionBody.read({"allowed": 1}).allowed is None


def test_body_of_a_record_is_read_once_and_by_its_own_class() -> None:
    evidence = approval(approver="ada", model="m")
    first = SignedBody.of(evidence)
    assert isinstance(first, ApprovalBody)
    assert ConsentBody.of(evidence) is first
    assert ApprovalBody.of(evidence) is first


def test_record_of_another_kind_is_read_by_the_class_that_was_asked() -> None:
    evidence = approval(approver="ada", model="m")
    asked = PromotionBody.of(evidence)
    assert type(asked) is PromotionBody
    assert asked.model == "m"
    assert isinstance(ConsentBody.of(evidence), ApprovalBody)


def test_evidence_that_was_read_is_equal_to_one_that_was_not() -> None:
    first, second = approval(model="m"), approval(model="m")
    ApprovalBody.of(first)
    assert first == second
    assert replace(first, body={"model": "other"}).typed is None


def test_body_goes_to_another_process_whole() -> None:
    evidence = approval(model="m", later={"a": 1})
    ApprovalBody.of(evidence)
    there = pickle.loads(pickle.dumps(evidence))
    assert ApprovalBody.of(there).to_body() == {"model": "m", "later": {"a": 1}}


def test_name_that_python_keeps_for_itself_has_an_underscore() -> None:
    body = SystemRenameBody.read({"from": "a", "to": "b"})
    assert body.from_ == "a"
    assert SystemRenameBody(from_="a", to="b").to_body() == {"from": "a", "to": "b"}


def test_body_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        DecisionBody.read({}).target = "production"  # type: ignore[misc]
