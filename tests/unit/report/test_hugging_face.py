"""The metadata block, against the format in huggingface/hub-docs, modelcard.md."""

from __future__ import annotations

import math
import re

import pytest
from ruamel.yaml import YAML

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.report.card.card import write_card
from aims_mlops.report.card.hugging_face import metadata
from aims_mlops.report.card.page import as_markdown

# Keys that modelcard.md documents at the top level.
KEYS = {
    "language",
    "license",
    "license_name",
    "license_link",
    "library_name",
    "tags",
    "datasets",
    "metrics",
    "base_model",
    "model-index",
}
# Some of the identifiers of the Hub's page "Licenses".
LICENCES = {"unknown", "other", "apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0"}
ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?\Z")
# How huggingface_hub finds the block: repocard.py, REGEX_YAML_BLOCK.
BLOCK = re.compile(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\n|$))")

HOSTILE = "evil\n---\n<script>alert(1)</script> 'quote\" #: {x} - \u202e " + "n" * 300


def front_matter(card):
    found = BLOCK.search(as_markdown(card))
    assert found is not None
    return YAML(typ="safe").load(found.group(2))


def check_grammar(data):
    """Raises AssertionError where the block is not as modelcard.md has it."""
    assert set(data) <= KEYS
    assert data["license"] in LICENCES
    for key in ("tags", "datasets", "metrics"):
        for entry in data.get(key, []):
            assert isinstance(entry, str)
            assert ID.match(entry), entry
    for model in data.get("model-index", []):
        assert isinstance(model["name"], str)
        assert model["results"]
        for result in model["results"]:
            assert isinstance(result["task"]["type"], str)
            assert isinstance(result["dataset"]["type"], str)
            assert isinstance(result["dataset"]["name"], str)
            assert set(result["dataset"]) <= {"type", "name", "config", "split", "revision", "args"}
            assert result["metrics"]
            for metric in result["metrics"]:
                assert isinstance(metric["type"], str)
                assert math.isfinite(metric["value"])
                assert set(metric) <= {"type", "value", "name", "config", "args", "verified"}


@pytest.fixture
def reference(digest_of):
    return ModelReference(uri="m", sha256=digest_of("m"), name="loan-risk", version="2")


def fill(log, digest_of, name="holdout"):
    body = {"name": "m", "framework": "scikit-learn 1.9.1", "licence": "MIT"}
    log.add("model", body, about="m", run="r1")
    data = {"name": name, "role": "test", "sha256": digest_of("d"), "licence": "CC-BY-4.0"}
    log.add("dataset", data, about="d", run="r1")
    figures = [
        {"measure": "accuracy", "group": None, "value": 0.83, "low": 0.81, "high": 0.85},
        {"measure": "mean_squared_error", "group": None, "value": 2.5},
        {"measure": "roc_auc", "group": None, "value": None},
        {"measure": "accuracy", "group": {"sex": "f"}, "value": 0.7},
    ]
    found = {"task": "binary", "figures": figures, "dataset": {"sha256": digest_of("d")}}
    log.add("performance", found, about="m", run="r1")


def test_metadata_follows_the_documented_grammar(log, reference, now, digest_of):
    fill(log, digest_of)
    data = front_matter(write_card(reference, log.records, now))
    check_grammar(data)
    assert data["license"] == "mit"
    assert data["library_name"] == "sklearn"
    assert data["datasets"] == ["holdout"]
    assert data["metrics"] == ["accuracy", "mse"]
    result = data["model-index"][0]["results"][0]
    assert result["task"]["type"] == "tabular-classification"
    assert result["dataset"]["name"] == "holdout"
    assert result["dataset"]["args"] == {"sha256": digest_of("d")}
    assert [(m["type"], m["value"]) for m in result["metrics"]] == [
        ("accuracy", 0.83),
        ("mse", 2.5),
    ]


def test_licence_of_the_data_is_not_given_as_the_models(log, reference, now, digest_of):
    log.add("model", {"name": "m"}, about="m", run="r1")
    log.add("dataset", {"name": "d", "licence": "MIT"}, about="d", run="r1")
    data = front_matter(write_card(reference, log.records, now))
    check_grammar(data)
    assert data["license"] == "unknown"


def test_no_figures_leave_out_the_model_index(log, reference, now):
    data = metadata(write_card(reference, log.records, now))
    check_grammar(data)
    assert "model-index" not in data
    assert "metrics" not in data


def test_hostile_names_stay_inside_the_block_and_the_grammar(log, now, digest_of):
    fill(log, digest_of, name=HOSTILE)
    model = ModelReference(uri="m", sha256=digest_of("m"), name=HOSTILE, version=HOSTILE)
    card = write_card(model, log.records, now)
    data = front_matter(card)
    check_grammar(data)
    assert set(data) == set(metadata(card))
