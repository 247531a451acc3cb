"""The names that a policy may use are those that the measures give."""

import numpy as np
import pandas as pd
import pytest

from aims_mlops.measures.bias.measure import measure_bias
from aims_mlops.measures.performance.measure import measure_performance
from aims_mlops.policy.vocabulary import known_measures

RANDOM = np.random.default_rng(5)
N = 300
Y = RANDOM.integers(0, 2, N)
PREDICTED = np.where(RANDOM.random(N) < 0.8, Y, 1 - Y)
SCORE = np.clip(PREDICTED * 0.6 + RANDOM.random(N) * 0.4, 0, 1)
GROUPS = pd.DataFrame({"sex": RANDOM.choice(["F", "M"], N), "age": RANDOM.choice(["a", "b"], N)})
NUMBERS = RANDOM.normal(size=N)


@pytest.mark.parametrize(
    "columns",
    [
        {"y_true": Y, "y_pred": PREDICTED, "y_score": SCORE, "sensitive": GROUPS},
        {"y_true": NUMBERS, "y_pred": NUMBERS * 0.9 + 0.1, "sensitive": GROUPS},
        {"y_true": RANDOM.choice(list("abc"), N), "y_pred": RANDOM.choice(list("abc"), N),
         "sensitive": GROUPS},
    ],
    ids=["binary", "regression", "multiclass"],
)  # fmt: skip
def test_every_figure_of_performance_and_bias_has_a_known_name(columns):
    sensitive = columns.pop("sensitive")
    for result in (
        measure_performance(**columns, groups=sensitive),
        measure_bias(**columns, sensitive=sensitive),
    ):
        names = {figure["measure"].partition("[")[0] for figure in result.to_body()["figures"]}
        assert names
        assert names <= set(known_measures()), sorted(names - set(known_measures()))
