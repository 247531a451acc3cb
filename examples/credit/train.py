"""What the data scientist writes: applicants, generated here, and a training function."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import aims_mlops as aims

FEATURES = ["income", "debt", "years_employed"]
ORIGIN = {
    "source": "generated for this example",
    "licence": "Apache-2.0",
    "purpose": "order applications for consumer credit by their risk",
}


def applicants(n: int, seed: int, *, crisis: bool = False) -> pd.DataFrame:
    """Applicants with whether they defaulted; in a crisis they earn less and owe more."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "applicant": [f"c-{seed}-{i}" for i in range(n)],
            "age": draw.integers(18, 75, n),
            "income": draw.lognormal(7.6 if crisis else 8.0, 0.4, n).round(2),
            "debt": draw.lognormal(7.4 if crisis else 7.0, 0.8, n).round(2),
            "years_employed": draw.exponential(5, n).round(1),
        }
    )
    risk = 1.6 * np.log(frame["debt"] / frame["income"]) - 0.15 * frame["years_employed"] + 0.8
    return frame.assign(defaulted=(draw.random(n) < 1 / (1 + np.exp(-risk))).astype(int))


@aims.training(system="credit", register="credit")
def train(training: pd.DataFrame, test: pd.DataFrame) -> Pipeline:
    """Fit, then check on applicants it has not seen, by age."""
    aims.dataset(training, "credit-training", role="training", **ORIGIN)
    aims.dataset(test, "credit-test", role="test", **ORIGIN)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(training[FEATURES], training["defaulted"])
    score = model.predict_proba(test[FEATURES])[:, 1]
    age = pd.cut(test["age"], [0, 34, 120], labels=["under 35", "35 and older"]).astype(str)
    aims.current_run().check(
        y_true=test["defaulted"],
        y_pred=(score > 0.5).astype(int),
        y_score=score,
        sensitive=pd.DataFrame({"age": age}),
    )
    return model
