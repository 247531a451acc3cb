"""What the data scientist writes: an ordinary training function with one decorator.

The data are the 442 diabetes patients that ship with scikit-learn (Efron et al. 2004), unscaled.
The model flags patients whose disease is likely to progress beyond a threshold within a year.
"""

from __future__ import annotations

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import aims_mlops as aims

PROGRESSION = 150  # units of the study's measure; above it a patient counts as progressing
ORIGIN = {
    "source": "scikit-learn load_diabetes (Efron, Hastie, Johnstone, Tibshirani 2004)",
    "licence": "BSD-3-Clause distribution of scikit-learn",
    "purpose": "flag patients whose diabetes is likely to progress",
}


def patients() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Training (200), test (182) and a later batch of patients of 55 and older (60)."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame = frame.assign(progresses=(frame.pop("target") > PROGRESSION).astype(int))
    frame["sex"] = frame["sex"].map({1.0: "code 1", 2.0: "code 2"})
    shuffled = frame.sample(frac=1, random_state=0)
    later = shuffled[shuffled["age"] >= 55].head(60)
    rest = shuffled.drop(later.index)
    return rest.iloc[:200], rest.iloc[200:], later


@aims.training(system="diabetes-risk", register="diabetes-risk")
def train(
    training: pd.DataFrame, test: pd.DataFrame, features: list[str], flag_above: float
) -> Pipeline:
    """Fit, then check the model on patients it has not seen, by sex and by age."""
    aims.dataset(training, "diabetes-training", role="training", **ORIGIN)
    aims.dataset(test, "diabetes-test", role="test", **ORIGIN)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(training[features], training["progresses"])

    score = model.predict_proba(test[features])[:, 1]
    age = pd.cut(test["age"], [0, 49, 120], labels=["under 50", "50 and older"])
    aims.current_run().check(
        y_true=test["progresses"],
        y_pred=(score > flag_above).astype(int),
        y_score=score,
        sensitive=pd.DataFrame({"sex": test["sex"], "age": age.astype(str)}),
    )
    return model
