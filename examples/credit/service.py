"""What the service runs: the model that may be used, and one decorated function."""

from __future__ import annotations

from typing import Any

import mlflow.sklearn
import pandas as pd
from train import FEATURES

import aims_mlops as aims

MODEL = "models:/credit/1"

checked = aims.check_model(MODEL, target="production")  # raises if no decision allows it
_model = mlflow.sklearn.load_model(MODEL)


@aims.monitored(system="credit", model=checked.model, target="production")
def score(application: dict[str, Any]) -> dict[str, float]:
    """Whether an applicant is likely to default, and how likely."""
    likely = float(_model.predict_proba(pd.DataFrame([application])[FEATURES])[0, 1])
    return {"prediction": int(likely > 0.5), "score": likely}
