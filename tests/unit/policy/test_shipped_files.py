"""The files beside the packs say what the code says."""

import json
from datetime import date

import pytest

from aims_mlops.documents.reading import read_yaml
from aims_mlops.policy.grammar import PolicyDocument, json_schema
from aims_mlops.policy.loading import load_policy
from aims_mlops.policy.packs import packs_folder


def test_schema_for_editors_is_the_grammar():
    """Write it anew with: aims policy schema --output checks/policy.schema.json."""
    shipped = json.loads((packs_folder() / "policy.schema.json").read_text())
    assert shipped == json_schema()


def test_readme_names_every_key_of_the_grammar():
    text = (packs_folder() / "README.md").read_text()
    for name in PolicyDocument.model_fields:
        assert f"`{name}`" in text, name
    for part in json_schema()["$defs"].values():
        for name in part["properties"]:
            assert f"`{name}`" in text, name
    for path in packs_folder().glob("*.yaml"):
        assert f"`{path.stem}`" in text, path.stem


@pytest.mark.parametrize("name", ["eu-ai-act-high-risk", "colorado-ai", "nyc-ll144", "nist-ai-rmf"])
def test_every_row_of_a_law_or_framework_has_its_date_and_source(name):
    document = read_yaml(packs_folder() / f"{name}.yaml").data
    rows = [*document.get("requires", ()), *document.get("rules", ())]
    assert rows
    for row in (document, *rows):
        for source in row["sources"]:
            assert source["url"].startswith("https://"), row["id"]
            date.fromisoformat(source["date"])
    assert load_policy(name).id == name


def test_dates_of_the_laws_are_those_of_2026():
    act = (packs_folder() / "eu-ai-act-high-risk.yaml").read_text()
    rows = read_yaml(packs_folder() / "eu-ai-act-high-risk.yaml").data["requires"]
    for row in rows:
        assert "2027-12-02 (Annex III) or 2028-08-02 (Annex I)" in row["sources"][0]["note"]
    assert "political agreement" not in act
    colorado = (packs_folder() / "colorado-ai.yaml").read_text()
    assert "SB 26-189" in colorado
    assert "from 2027-01-01" in colorado


def test_no_pack_says_that_anything_complies():
    for path in packs_folder().iterdir():
        words = path.read_text().casefold()
        assert "complies" not in words.replace("never “complies”", ""), path.name
        assert "compliant" not in words, path.name
