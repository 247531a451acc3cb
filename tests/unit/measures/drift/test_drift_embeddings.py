"""Columns of vectors against Evidently's own embedding drift methods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aims_mlops.measures.drift.measure import measure_drift
from aims_mlops.measures.drift.reference import build_reference_profile

pytestmark = pytest.mark.filterwarnings("ignore")  # Evidently's own, under pandas 3


def vectors(rows: int, seed: int, shift: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(rows, 12)) + shift * (np.arange(12) < 4)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("kept", [False, True])
def test_vectors_give_evidentlys_ratio_and_distance(shift: float, kept: bool) -> None:
    from evidently.legacy.metrics.data_drift import embedding_drift_methods as theirs

    before, after = vectors(1500, 1), vectors(1200, 2, shift)
    tables = [pa.table({"v": list(part)}) for part in (before, after)]
    reference = build_reference_profile(tables[0]) if kept else tables[0]
    result = measure_drift(reference, tables[1], methods=["ratio", "distance"])
    for name in ("ratio", "distance"):
        value, drifted, _ = getattr(theirs, name)()(pd.DataFrame(after), pd.DataFrame(before))
        assert result.figure(name, {"column": "v"}).value == pytest.approx(value, rel=1e-9)
        # Evidently says drift at the threshold; ours also asks whether chance explains it.
        assert drifted or result.verdict != "drift" or name == "distance"
    assert result.verdict == {0.0: "no drift", 0.1: "insufficient", 0.5: "drift"}[shift]


def test_vectors_of_numpy_and_of_fixed_size_are_the_same() -> None:
    matrix = vectors(400, 3)
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), 12)
    before = pa.table({"v": list(vectors(400, 4))})
    first = measure_drift(before, pa.table({"v": fixed}))
    second = measure_drift(before, pd.DataFrame({"v": list(matrix)}))
    assert [f.value for f in first.figures] == [f.value for f in second.figures]
