"""The ML-BOM, read and validated by cyclonedx-python-lib, oldest and newest version we write."""

from __future__ import annotations

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.licenses._spdx import LICENSES

from aims_mlops.evidence.records import Subject
from aims_mlops.exports.basis.licence import read_licence
from aims_mlops.exports.bom.cyclonedx import VERSIONS
from aims_mlops.exports.export import export

HOSTILE = "<i>\x00\x1b[2J\u202e|\r\n\t'\"&amp;]]>;--" + "n" * 300


def bom(store, model, version=None):
    """The document, after the library's own schemas have accepted it."""
    made = export(store, "cyclonedx", model, version=version)
    schema = SchemaVersion["V" + made.version.replace(".", "_")]
    assert JsonStrictValidator(schema).validate_str(made.content.decode()) is None
    return json.loads(made.content)


def values(component, name):
    return [p["value"] for p in component.get("properties", ()) if p["name"] == f"aims:{name}"]


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_model_is_written_whole(recorded, store, version):
    found = bom(store, recorded.model, version)
    model = found["metadata"]["component"]
    card = model["modelCard"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": recorded.model}]
    assert model["licenses"][0]["license"]["id"] == "Apache-2.0"
    assert card["modelParameters"]["task"] == "binary"
    assert card["modelParameters"]["modelArchitecture"].endswith("LogisticRegression")
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    accuracy = [m for m in metrics if m["type"] == "accuracy_score"]
    assert {m.get("slice") for m in accuracy} == {None, "age = under 40", "age = 40 and older"}
    for metric in accuracy:
        bounds = metric["confidenceInterval"]
        assert float(bounds["lowerBound"]) <= float(metric["value"]) <= float(bounds["upperBound"])
    assert card["considerations"]["fairnessAssessments"] == [
        {"groupAtRisk": "applicants under 25", "harms": "fewer loans for the young",
         "mitigationStrategy": "a second clerk looks at refusals"}
    ]  # fmt: skip
    (workflow,) = found["formulation"][0]["workflows"]
    assert {"name": "strength", "value": "1"} in workflow["inputs"][-1]["parameters"]


def test_every_part_names_a_record_of_the_log(recorded, store):
    found = bom(store, recorded.model)
    ids = {record.id for record in store.find()}
    for component in found["components"]:
        assert set(values(component, "record")) <= ids
        assert values(component, "record")
    card = found["metadata"]["component"]["modelCard"]
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    sources = {p["name"]: p["value"] for p in card["properties"]}
    for number in range(len(metrics)):
        assert sources[f"aims:record:performanceMetrics/{number}"] in ids


def test_libraries_have_package_urls_that_are_read_back_the_same(recorded, store):
    libraries = [c for c in bom(store, recorded.model)["components"] if c["type"] == "library"]
    assert len(libraries) > 20
    for library in libraries:
        assert PackageURL.from_string(library["purl"]).to_string() == library["purl"]
        assert PackageURL.from_string(library["purl"]).version == library["version"]


def test_datasets_have_governance_and_say_where_it_is_from(recorded, store):
    data = [c for c in bom(store, recorded.model)["components"] if c["type"] == "data"]
    train = next(c for c in data if c["name"] == "applications-train")
    assert train["licenses"][0]["license"]["id"] == "CC-BY-4.0"
    assert train["data"][0]["governance"]["owners"] == [{"contact": {"name": "ana"}}]
    assert values(train, "governance-is-of") == ["the owner and the risk owner of the AI system"]
    test = next(c for c in data if c["name"] == "applications-test")
    assert "licenses" not in test


@pytest.mark.parametrize("version", VERSIONS)
def test_model_of_which_nothing_is_known_has_no_invented_field(world, version):
    subject = Subject("model:m", world.sha("m"))
    world.record("model", [subject], {"name": "m", "sha256": subject.sha256}, system=None)
    found = bom(world.store, subject.sha256, version)
    model = found["metadata"]["component"]
    assert found["components"] == []
    assert "formulation" not in found
    assert "licenses" not in model
    assert "version" not in model
    assert model["modelCard"]["modelParameters"] == {}
    assert "quantitativeAnalysis" not in model["modelCard"]
    assert found["compositions"][0]["aggregate"] == "unknown"


@pytest.mark.parametrize("version", VERSIONS)
def test_hostile_names_stay_values(world, version):
    subject = Subject("model:" + HOSTILE.replace("\0", ""), world.sha("m"))
    run = Subject.of_name("run:r")
    world.record("model", [subject, run],
                 {"name": HOSTILE, "sha256": subject.sha256, "licence": HOSTILE, "class": HOSTILE,
                  "files": [{"path": HOSTILE, "sha256": world.sha("f"), "size": 1}],
                  "datasets": [{"name": HOSTILE, "role": HOSTILE, "sha256": world.sha("d")}]},
                 run="r")  # fmt: skip
    world.record("run", [run], {"activity": HOSTILE, "name": HOSTILE, "status": HOSTILE}, run="r")
    world.record("environment", [run], {"packages": {HOSTILE: HOSTILE, "x": 1}}, run="r")
    found = bom(world.store, subject.sha256, version)
    text = json.dumps(found, ensure_ascii=False)
    assert not {"\x00", "\x1b", "\u202e"} & set(text)
    model = found["metadata"]["component"]
    assert "name" in model["licenses"][0]["license"]
    assert len(found["components"]) == 2


def test_model_of_ten_thousand_files_names_each(world):
    subject = Subject("model:m", world.sha("m"))
    files = [{"path": f"part/{n}", "sha256": world.sha(f"f{n}"), "size": n} for n in range(10_000)]
    world.record("model", [subject], {"name": "m", "sha256": subject.sha256, "files": files})
    made = json.loads(export(world.store, "cyclonedx", subject.sha256).content)
    names = {part["name"] for part in made["metadata"]["component"]["components"]}
    assert len(names) == 10_000


@pytest.mark.parametrize(
    ("said", "identifier", "expression"),
    [
        ("mit", "MIT", None),
        ("Apache-2.0", "Apache-2.0", None),
        ("MIT or Apache-2.0", None, "MIT OR Apache-2.0"),
        ("LicenseRef-ours", None, None),
        ("our own terms, see the contract", None, None),
        ("", None, None),
        ("GPL-3.0-only WITH", None, None),
        (HOSTILE, None, None),
    ],
)
def test_licence_that_is_no_spdx_id_stays_in_its_own_words(said, identifier, expression):
    found = read_licence(said)
    assert (found.said, found.identifier, found.expression) == (said, identifier, expression)


def test_each_id_that_we_give_as_an_id_is_in_the_schemas_list():
    from importlib.resources import files

    schema = files("cyclonedx.schema._res").joinpath("spdx.SNAPSHOT.schema.json")
    known = set(json.loads(schema.read_text())["enum"])
    assert {entry["id"] for entry in LICENSES.values()} <= known
