"""Lineage between datasets, from their fingerprints."""

import json

import pandas as pd
import pytest

from aims_mlops.errors import InputError
from aims_mlops.measures.fingerprint.lineage import Origin, trace_lineage
from aims_mlops.measures.fingerprint.table_digest import fingerprint


@pytest.fixture
def people():
    return pd.DataFrame({"id": [1, 2, 3], "age": [30, 40, 50], "name": ["a", "b", "c"]})


def test_each_column_is_traced_to_its_source(people):
    towns = pd.DataFrame({"town": ["x", "y", "z"]})
    derived = pd.DataFrame(
        {
            "id": people["id"],
            "years": people["age"],
            "name": people["name"].str.upper(),
            "town": towns["town"],
            "old": people["age"] > 35,
        }
    )
    found = trace_lineage(
        fingerprint(derived), {"people": fingerprint(people), "towns": fingerprint(towns)}
    )
    assert found.origins == (
        Origin("id", "same", "people", "id"),
        Origin("years", "renamed", "people", "age"),
        Origin("name", "changed", "people", "name"),
        Origin("town", "same", "towns", "town"),
        Origin("old", "new"),
    )
    assert found.dropped == ()
    assert repr(found) == (
        "Lineage(3 rows from people, towns; columns: 2 same, 1 renamed, 1 changed, 1 new)"
    )


def test_dropped_column_is_named(people):
    found = trace_lineage(fingerprint(people.drop(columns="age")), {"v1": fingerprint(people)})
    assert found.dropped == (("v1", "age"),)


def test_two_versions_are_told_apart_by_column(people):
    later = people.assign(age=[30, 40, 51])
    found = trace_lineage(fingerprint(later), {"v1": fingerprint(people)})
    assert [o.column for o in found.origins if o.how != "same"] == ["age"]


def test_filtered_rows_change_every_column(people):
    found = trace_lineage(fingerprint(people.iloc[1:]), {"v1": fingerprint(people)})
    assert {o.how for o in found.origins} == {"changed"}
    assert found.same_rows is False


def test_new_order_of_rows_is_recognised_by_the_unordered_form(people):
    shuffled = people.iloc[[2, 0, 1]]
    ordered = trace_lineage(fingerprint(shuffled), {"v1": fingerprint(people)})
    unordered = trace_lineage(
        fingerprint(shuffled, ordered=False), {"v1": fingerprint(people, ordered=False)}
    )
    assert (ordered.same_rows, unordered.same_rows) == (None, True)


def test_empty_columns_are_no_trace_of_each_other():
    source = pd.DataFrame({"a": [None, None]})
    found = trace_lineage(
        fingerprint(source.rename(columns={"a": "b"})), {"v1": fingerprint(source)}
    )
    assert found.origins == (Origin("b", "new"),)


def test_body_is_json_by_source(people):
    found = trace_lineage(fingerprint(people), {"v1": fingerprint(people)})
    assert found.same_rows is True
    assert found.to_body()[0]["sha256"] == fingerprint(people).sha256
    json.dumps(found.to_dict())
    assert "id" in found._repr_html_()


def test_no_source_is_refused(people):
    with pytest.raises(InputError, match="needs a source"):
        trace_lineage(fingerprint(people), {})
