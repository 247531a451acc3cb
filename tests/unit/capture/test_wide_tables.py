"""A table of very many columns keeps its record: digest and schema fit, the rest is a blob."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.evidence.records import Evidence
from aims_mlops.inventory.project import find_project
from aims_mlops.measures.fingerprint.table_digest import fingerprint

Recorded = Callable[..., list[Evidence]]


@pytest.mark.filterwarnings("ignore::aims_mlops.errors.CaptureWarning")
def test_frame_of_20_000_columns_is_recorded_with_its_columns_as_a_blob(
    recorded: Recorded, fails_open: None
) -> None:
    wide = pd.DataFrame(np.arange(60_000.0).reshape(3, 20_000)).add_prefix("column_")
    with aims.run("r", quality=False):
        aims.dataset(wide, "wide")
    (dataset,) = recorded("dataset")
    assert recorded("gap") == []
    assert dataset.body["sha256"] == fingerprint(wide).sha256
    assert (dataset.body["rows"], dataset.body["column_count"]) == (3, 20_000)
    assert len(dataset.body["schema_sha256"]) == 64
    details = json.loads(find_project().open_store().get_blob(dataset.body["details"]["sha256"]))
    assert len(details["columns"]) == 20_000
    assert details["profile"]["rows"] == 3


def test_wide_frame_without_a_suite_has_a_gap_for_its_quality(
    recorded: Recorded, fails_open: None
) -> None:
    pytest.importorskip("great_expectations")
    wide = pd.DataFrame(np.zeros((3, 2_001))).add_prefix("column_")
    with pytest.warns(aims.errors.CaptureWarning, match="quality"), aims.run("r"):
        aims.dataset(wide, "wide")
    assert [e.body["where"] for e in recorded("gap")] == ["quality of dataset wide"]
    assert recorded("dataset")[0].body["column_count"] == 2_001
