"""The files beside the packs say what the code says."""

import json

from aims_mlops.policy.grammar import PolicyDocument, json_schema
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


def test_no_pack_says_that_anything_complies():
    for path in packs_folder().iterdir():
        words = path.read_text().casefold()
        assert "complies" not in words.replace("never “complies”", ""), path.name
        assert "compliant" not in words, path.name
