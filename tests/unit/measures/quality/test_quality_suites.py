"""Suites: the short form, Great Expectations' own, and what is wrong with them."""

import json

import pandas as pd
import pytest

from aims_mlops.errors import DocumentError, InputError
from aims_mlops.measures.quality.measure import measure_quality
from aims_mlops.measures.quality.suite import read_suite

SHORT = """\
suite: loans
rows: {min: 2, max: 1000}
only_these_columns: true
duplicates: {max_share: 0.5}
label: {column: paid, min_share: 0.1}
columns:
  id: {type: integer, unique: true, max_missing: 0}
  age: {min: 18, max: 100, mostly: 0.9}
  sex: {in: [F, M]}
  note: {matches: '^[a-z ]*$', length: {max: 20}, max_missing: 0.5}
  paid: {type: boolean, distinct: {min: 2}}
  seen: {type: time, max_age_days: 36500}
"""


@pytest.fixture
def short(tmp_path):
    path = tmp_path / "loans.yaml"
    path.write_text(SHORT)
    return path


def test_short_form_becomes_expectations_of_the_library(short):
    found = [(e.type, dict(e.kwargs)) for e in read_suite(short).expectations]
    assert found[0] == (
        "expect_table_row_count_to_be_between",
        {"min_value": 2, "max_value": 1000},
    )
    assert (
        "expect_column_values_to_be_between",
        {"column": "age", "min_value": 18.0, "max_value": 100.0, "mostly": 0.9},
    ) in found
    assert ("expect_column_values_to_not_be_null", {"column": "note", "mostly": 0.5}) in found
    assert (
        "expect_column_values_to_be_in_set",
        {"column": "sex", "value_set": ["F", "M"]},
    ) in found
    assert len(found) == 16  # 4 on the table; 3, 1, 1, 3, 2 and 2 on columns


def test_data_that_keep_to_the_short_form_pass(short):
    data = pd.DataFrame(
        {
            "id": [1, 2, 3],
            "age": [18, 50, 99],
            "sex": ["F", "M", None],
            "note": ["fine", None, ""],
            "paid": [True, False, True],
            "seen": pd.to_datetime(["2024-01-01"] * 3),
        }
    )
    found = measure_quality(data, short)
    assert found.success, repr(found)
    assert not measure_quality(data.assign(sex="X"), short).success


def test_suite_as_json_is_read_back_the_same(short, tmp_path):
    suite = read_suite(short)
    path = tmp_path / "loans.json"
    path.write_text(suite.to_json())
    assert read_suite(path).sha256 == suite.sha256
    assert read_suite(json.loads(suite.to_json())).sha256 == suite.sha256


def test_changed_limit_changes_the_digest_of_the_suite(short):
    before = read_suite(short).sha256
    short.write_text(SHORT.replace("18", "21"))
    assert read_suite(short).sha256 != before


def test_mistyped_key_is_refused_with_its_line(short):
    short.write_text(SHORT.replace("max_missing: 0}", "max_mising: 0}"))
    with pytest.raises(DocumentError, match=r"loans\.yaml:7: .*max_mising.*max_missing"):
        read_suite(short)


@pytest.mark.parametrize(
    "text",
    ["suite: nothing\n", "columns: {}\n", "columns: {x: {min: low}}\n", "label: {column: y}\n",
     "columns: {x: {mostly: 2}}\n", "- a\n", ""],
)  # fmt: skip
def test_suite_that_says_nothing_or_nonsense_is_refused(tmp_path, text):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(DocumentError, match=r"s\.yaml"):
        read_suite(path)


def test_column_without_a_rule_must_exist():
    suite = {"columns": {"x": {}}}
    assert measure_quality({"x": [1]}, suite).success
    assert not measure_quality({"y": [1]}, suite).success


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"name": "x"}'])
def test_json_that_is_no_suite_is_refused(tmp_path, text):
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(DocumentError):
        read_suite(path)


def test_absent_file_is_refused(tmp_path):
    for name in ("s.json", "s.yaml"):
        with pytest.raises(DocumentError, match="cannot"):
            read_suite(tmp_path / name)


def test_suite_of_the_library_without_expectations_is_refused():
    with pytest.raises(InputError, match="expects nothing"):
        read_suite({"name": "empty", "expectations": []})


def test_expectation_without_a_type_is_refused():
    with pytest.raises(InputError, match="has no type"):
        read_suite({"name": "s", "expectations": [{"kwargs": {}}]})


def test_other_objects_are_no_suite():
    with pytest.raises(InputError, match="not a quality suite"):
        read_suite(3)
