"""Which class a column of scores belongs to, against scikit-learn with its columns sorted."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn import metrics

import aims_mlops as aims
from aims_mlops.errors import InputError

ROWS = 400
NAMES = np.array(["cat", "ant", "dog"])
RANDOM = np.random.default_rng(1)
SCORES = RANDOM.dirichlet([1, 1, 1], ROWS)
CODES = np.array([RANDOM.choice(3, p=row) for row in SCORES])
TRUTH = NAMES[CODES]
SORTED = SCORES[:, np.argsort(NAMES)]
AUC = metrics.roc_auc_score(TRUTH, SORTED, multi_class="ovr", labels=sorted(NAMES))
LOSS = metrics.log_loss(TRUTH, SORTED, labels=sorted(NAMES))

GIVEN: dict[str, dict[str, Any]] = {
    "array in the order of labels=": {"y_score": SCORES, "labels": list(NAMES)},
    "array in the order of the sorted labels": {"y_score": SORTED},
    "pandas by name": {"y_score": pd.DataFrame(SCORES, columns=NAMES)},
    "polars by name": {"y_score": pl.DataFrame(SCORES, schema=list(NAMES))},
    "pyarrow by name": {"y_score": pa.table(pd.DataFrame(SCORES, columns=NAMES))},
    "pyarrow batch by name": {
        "y_score": pa.RecordBatch.from_pandas(pd.DataFrame(SCORES, columns=NAMES))
    },
    "DuckDB by name": {"y_score": duckdb.from_df(pd.DataFrame(SCORES, columns=NAMES))},
    "pandas by name, labels= in another order": {
        "y_score": pd.DataFrame(SCORES, columns=NAMES),
        "labels": ["dog", "cat", "ant"],
    },
    "pandas without names": {"y_score": pd.DataFrame(SCORES), "labels": list(NAMES)},
}


@pytest.mark.parametrize("form", GIVEN)
def test_scores_go_by_name_or_by_declared_labels(form: str) -> None:
    result = aims.measure_performance(y_true=TRUTH, y_pred=NAMES[SCORES.argmax(1)], **GIVEN[form])
    assert result.figure("roc_auc_ovr").value == pytest.approx(AUC, abs=1e-9)
    assert result.figure("log_loss").value == pytest.approx(LOSS, abs=1e-9)


def test_columns_named_otherwise_are_refused() -> None:
    with pytest.raises(InputError, match="not named after the labels"):
        aims.measure_performance(
            y_true=TRUTH,
            y_pred=TRUTH,
            y_score=pd.DataFrame(SCORES, columns=["p_cat", "p_ant", "p_dog"]),
        )


@pytest.mark.parametrize("named", [False, True])
def test_class_that_does_not_occur_leaves_the_auc_out_alone(named: bool) -> None:
    codes = np.where(CODES == 2, 1, CODES)
    given: dict[str, Any] = (
        {"y_score": pd.DataFrame(SCORES, columns=[0, 1, 2]), "labels": [0, 1, 2]}
        if named
        else {"y_score": SCORES, "labels": [0, 1, 2]}
    )
    result = aims.measure_performance(y_true=codes, y_pred=np.minimum(codes, 1), **given)
    loss = metrics.log_loss(codes, SCORES, labels=[0, 1, 2])
    assert result.figure("log_loss").value == pytest.approx(loss, abs=1e-9)
    assert result.figure("roc_auc_ovr").value is None
    assert "do not occur" in next(e.why for e in result.left_out if "roc_auc_ovr" in e.what)


def test_class_that_does_not_occur_and_is_not_declared_is_an_error() -> None:
    with pytest.raises(InputError, match="labels="):
        aims.measure_performance(
            y_true=np.where(CODES == 2, 1, CODES), y_pred=CODES % 2, y_score=SCORES
        )


def test_bias_compares_the_predictions_where_scores_are_of_several_classes() -> None:
    sex = np.array(["F", "M"] * (ROWS // 2))
    given = {"y_true": TRUTH, "y_pred": NAMES[SCORES.argmax(1)], "sensitive": sex}
    scored = aims.measure_bias(y_score=SCORES, **given)
    plain = aims.measure_bias(**given)
    assert [f.value for f in scored.figures] == [f.value for f in plain.figures]
    assert "figures of scores" in [entry.what for entry in scored.left_out]
    with pytest.raises(InputError, match="y_pred"):
        aims.measure_bias(y_true=TRUTH, y_score=SCORES, sensitive=sex)
