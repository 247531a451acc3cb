"""SPDX read by spdx-python-model, Croissant by mlcroissant."""

from __future__ import annotations

import io
import json
import warnings

import pytest
from spdx_python_model import v3_0_1 as spdx

from aims_mlops.evidence.records import Subject
from aims_mlops.exports.export import export

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlcroissant

HOSTILE = "<i>\x1b[2J\u202e|\r\n\t'\"&amp;]]>;--" + "n" * 300


def read_spdx(store, model):
    """The objects of the document, after the library's model has accepted each field."""
    content = export(store, "spdx", model).content
    objects = spdx.SHACLObjectSet()
    spdx.JSONLDDeserializer().read(io.BytesIO(content), objects)
    return objects


def of_type(objects, kind):
    return [o for o in objects.objects if type(o) is kind]


def related(objects, start, kind):
    return [
        end
        for r in of_type(objects, spdx.Relationship)
        if r.from_ is start and r.relationshipType.endswith(kind)
        for end in r.to
    ]


def test_model_is_an_ai_package_with_data_libraries_and_licence(recorded, store):
    objects = read_spdx(store, recorded.model)
    (model,) = of_type(objects, spdx.ai_AIPackage)
    assert model.verifiedUsing[0].hashValue == recorded.model
    assert any(
        m.key.startswith("accuracy_score") and "interval" in m.value for m in model.ai_metric
    )
    assert [d.name for d in related(objects, model, "trainedOn")] == ["applications-train"]
    assert [d.name for d in related(objects, model, "testedOn")] == ["applications-test"]
    (licence,) = related(objects, model, "hasDeclaredLicense")
    assert licence.simplelicensing_licenseExpression == "Apache-2.0"
    assert len(of_type(objects, spdx.software_Package)) > 20


def test_every_element_of_data_and_model_names_records_of_the_log(recorded, store):
    objects = read_spdx(store, recorded.model)
    ids = {record.id for record in store.find()}
    for kind in (spdx.ai_AIPackage, spdx.dataset_DatasetPackage, spdx.software_Package):
        for element in of_type(objects, kind):
            locators = [text for ref in element.externalRef for text in ref.locator]
            assert locators
            assert {text.removeprefix("urn:aims-mlops:record:") for text in locators} <= ids


def nothing_known(world, **body):
    subject = Subject("model:m", world.sha("m"))
    world.record("model", [subject], {"name": "m", "sha256": subject.sha256, **body}, system=None)
    return subject.sha256


def test_licence_that_nobody_declared_is_no_assertion(world):
    objects = read_spdx(world.store, nothing_known(world))
    (model,) = of_type(objects, spdx.ai_AIPackage)
    (licence,) = related(objects, model, "hasDeclaredLicense")
    assert (
        str(licence).endswith("NoAssertion") or licence is spdx.expandedlicensing_NoAssertionLicense
    )
    assert model.ai_typeOfModel == []
    assert model.software_packageVersion is None


@pytest.mark.parametrize("said", ["our own terms", HOSTILE])
def test_licence_in_other_words_keeps_its_words(world, said):
    objects = read_spdx(world.store, nothing_known(world, licence=said))
    (expression,) = of_type(objects, spdx.simplelicensing_LicenseExpression)
    (text,) = of_type(objects, spdx.simplelicensing_SimpleLicensingText)
    assert expression.simplelicensing_licenseExpression.startswith("LicenseRef-")
    assert expression.simplelicensing_customIdToUri[0].value == text.get_id()


def read_croissant(store, model, tmp_path):
    (tmp_path / "c.json").write_bytes(export(store, "croissant", model).content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mlcroissant.Dataset(tmp_path / "c.json").metadata


def test_datasets_are_read_by_mlcroissant_with_columns_and_origin(recorded, store, tmp_path):
    found = read_croissant(store, recorded.model, tmp_path)
    assert {f.name for f in found.distribution} >= {"applications-train", "applications-test"}
    digests = {f.sha256 for f in found.distribution}
    assert digests == {r.evidence.body["sha256"] for r in store.find(kind="dataset")}
    fields = {field.name for records in found.record_sets for field in records.fields}
    assert {"income", "age", "repaid"} <= fields
    made = json.loads(export(store, "croissant", recorded.model).content)
    assert made["rai:dataUseCases"] == ["score applications"]
    assert made["license"] == "CC-BY-4.0"


def test_model_without_data_has_an_empty_croissant(world, tmp_path):
    found = read_croissant(world.store, nothing_known(world), tmp_path)
    assert found.distribution == []
    assert not found.license
