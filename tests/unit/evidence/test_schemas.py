"""Each kind and version has a published schema, and a record of it that stays readable forever."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import unseal
from aims_mlops.evidence.kinds import KINDS
from aims_mlops.evidence.records import Evidence
from aims_mlops.evidence.schemas import schema_of

FIXTURES = Path(__file__).parents[2] / "fixtures" / "evidence"
STORED = sorted(FIXTURES.glob("*.json"))
PUBLISHED = sorted(p.name for p in files("aims_mlops.evidence.schemas").iterdir())


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_has_a_valid_schema_and_a_fixture(kind: str) -> None:
    schema = schema_of(kind, 1)
    assert schema is not None
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:aims-mlops:evidence:{kind}:v1"
    assert (FIXTURES / f"{kind}-v1.json").is_file()


def test_schemas_and_fixtures_are_of_the_same_kinds_and_versions() -> None:
    assert [p.name for p in STORED] == [name for name in PUBLISHED if name.endswith(".json")]


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_record_of_each_version_stays_readable(path: Path) -> None:
    envelope = json.loads(path.read_text())["envelope"].encode()
    payload = unseal(envelope).payload
    evidence = Evidence.from_statement(json.loads(payload))
    assert f"{evidence.kind}-v{evidence.version}" == path.stem
    schema = schema_of(evidence.kind, evidence.version)
    assert schema is not None
    Draft202012Validator(schema).validate(dict(evidence.body))
    assert canonical(evidence.to_statement()) == payload


def test_body_that_lacks_what_its_kind_needs_is_not_valid() -> None:
    schema = schema_of("promotion", 1)
    assert schema is not None
    assert not Draft202012Validator(schema).is_valid({"alias": "champion"})


def test_unknown_version_has_no_schema() -> None:
    assert schema_of("run", 999) is None
    assert schema_of("no-such-kind", 1) is None


def test_fields_that_this_version_does_not_know_survive() -> None:
    statement = json.loads(
        unseal(
            json.loads((FIXTURES / "promotion-v1.json").read_text())["envelope"].encode()
        ).payload
    )
    statement["predicate"]["added_later"] = {"by": "a newer version"}
    statement["predicate"]["body"]["also_later"] = [1, 2]
    again = Evidence.from_statement(statement).to_statement()
    assert again == statement
