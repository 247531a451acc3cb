"""One small fitted model for every flavor of MLflow that installs here, and rows to ask it about.

Each case returns (arguments of the training function, the model, rows for `mlflow.pyfunc`,
what the model itself says of these rows). Everything is built in code; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Case = tuple[dict[str, Any], Any, Any, Any]

_rng = np.random.default_rng(3)
X = pd.DataFrame(_rng.normal(size=(80, 3)), columns=["a", "b", "c"])
Y = (X["a"] + X["b"] > 0).astype(int)
FRAME = {"X_train": X, "y_train": Y}
FLOATS = X.to_numpy(dtype=np.float32)


def scikit_learn() -> Case:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(X, Y)
    return FRAME, model, X, model.predict(X)


def imbalanced_learn() -> Case:
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.pipeline import make_pipeline
    from sklearn.tree import DecisionTreeClassifier

    model = make_pipeline(
        RandomOverSampler(random_state=0), DecisionTreeClassifier(random_state=0)
    ).fit(X, Y)
    return FRAME, model, X, model.predict(X)


def xgboost_booster() -> Case:
    import xgboost

    data = xgboost.DMatrix(X, label=Y)
    model = xgboost.train({"max_depth": 2, "objective": "binary:logistic"}, data, 3)
    return FRAME, model, X, model.predict(xgboost.DMatrix(X))


def xgboost_classifier() -> Case:
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=3, max_depth=2).fit(X, Y)
    return FRAME, model, X, model.predict(X)


def lightgbm_booster() -> Case:
    import lightgbm

    parameters = {"objective": "binary", "verbose": -1, "num_leaves": 4, "num_threads": 1}
    model = lightgbm.train(parameters, lightgbm.Dataset(X, label=Y), 3)
    return FRAME, model, X, model.predict(X)


def lightgbm_classifier() -> Case:
    """With a pandas category among its columns."""
    from lightgbm import LGBMClassifier

    rows = X.assign(kind=pd.Categorical(np.where(X["c"] > 0, "high", "low")))
    model = LGBMClassifier(n_estimators=3, num_leaves=4, verbose=-1, n_jobs=1).fit(rows, Y)
    return {"X_train": rows, "y_train": Y}, model, rows, model.predict(rows)


def catboost_classifier() -> Case:
    from catboost import CatBoostClassifier

    options = {"iterations": 3, "depth": 2, "verbose": False, "allow_writing_files": False}
    model = CatBoostClassifier(**options, random_seed=0, thread_count=1).fit(X, Y)
    return FRAME, model, X, model.predict(X)


def statsmodels_arrays() -> Case:
    import statsmodels.api as sm

    model = sm.Logit(Y, X).fit(disp=0)
    return FRAME, model, X, model.predict(X)


def statsmodels_formula() -> Case:
    import statsmodels.formula.api as smf

    rows = X.assign(y=Y)
    model = smf.ols("y ~ a + b", rows).fit()
    return {"train": rows}, model, X[["a", "b"]], model.predict(X)


def pytorch() -> Case:
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(), torch.nn.Linear(4, 1))
    inputs = torch.from_numpy(FLOATS)
    with torch.no_grad():
        expected = model.eval()(inputs).numpy()
    model.train()
    targets = torch.from_numpy(Y.to_numpy(dtype=np.float32))
    return {"X_train": inputs, "y_train": targets}, model, FLOATS, expected


def lightning_module() -> Case:
    import lightning
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    class Net(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)

        def forward(self, rows: Any) -> Any:
            return self.layer(rows)

        def training_step(self, batch: Any, index: int) -> Any:
            return torch.nn.functional.mse_loss(self(batch[0]).squeeze(), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    torch.manual_seed(0)
    targets = torch.from_numpy(Y.to_numpy(dtype=np.float32))
    loader = DataLoader(TensorDataset(torch.from_numpy(FLOATS), targets), batch_size=20)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    model = Net()
    lightning.Trainer(max_epochs=1, accelerator="cpu", enable_model_summary=False, **quiet).fit(
        model, loader
    )
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(FLOATS)).numpy()
    return {"train": loader}, model, FLOATS, expected


def transformers() -> Case:
    import tempfile
    from pathlib import Path

    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertTokenizerFast,
        pipeline,
    )

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "loan"]
    vocabulary = Path(tempfile.mkdtemp()) / "vocab.txt"
    vocabulary.write_text("\n".join(words))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
    )
    network = BertForSequenceClassification(config).eval()
    tokenizer = BertTokenizerFast(str(vocabulary))
    model = pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu")
    rows = ["good loan", "bad loan"]
    return {}, model, pd.DataFrame({"text": rows}), [found["label"] for found in model(rows)]


def keras() -> Case:
    import keras as k

    k.backend.clear_session()  # layers are named by a counter of the process
    k.utils.set_random_seed(0)
    model = k.Sequential([k.Input((3,)), k.layers.Dense(4), k.layers.Dense(1)])
    model.compile(loss="mse")
    model.fit(FLOATS, Y.to_numpy(), epochs=1, verbose=0)
    return {"X_train": FLOATS}, model, FLOATS, model.predict(FLOATS, verbose=0)


def onnx() -> Case:
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression

    model = to_onnx(LinearRegression().fit(FLOATS, Y), FLOATS[:1])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = session.run(None, {session.get_inputs()[0].name: FLOATS})[0]
    return {"X_train": FLOATS}, model, FLOATS, expected


def spacy() -> Case:
    import spacy as s
    from spacy.training import Example

    s.util.fix_random_seed(0)
    model = s.blank("en")
    category = model.add_pipe("textcat")
    for label in ("good", "bad"):
        category.add_label(label)
    example = Example.from_dict(model.make_doc("good loan"), {"cats": {"good": 1.0, "bad": 0.0}})
    model.initialize(lambda: [example])
    model.update([example])
    rows = pd.DataFrame({"text": ["good loan", "bad loan"]})
    return {}, model, rows, [model(text).cats for text in rows["text"]]


def prophet() -> Case:
    from prophet import Prophet

    rows = pd.DataFrame({"ds": pd.date_range("2026-01-01", periods=40), "y": np.arange(40.0)})
    model = Prophet(uncertainty_samples=0, yearly_seasonality=False).fit(rows)
    return {"train": rows}, model, rows[["ds"]], model.predict(rows)["yhat"]


def spark_ml() -> Case:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    rows = session.getOrCreate().createDataFrame(X.assign(label=Y.astype(float)))
    assembler = VectorAssembler(inputCols=list(X.columns), outputCol="features")
    model = Pipeline(stages=[assembler, LogisticRegression(maxIter=3)]).fit(rows)
    expected = [row["prediction"] for row in model.transform(rows).collect()]
    return FRAME, model, X, expected


def python_model() -> Case:
    import mlflow.pyfunc

    class Threshold(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def __init__(self, limit: float) -> None:
            self.limit = limit

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return (model_input["a"] > self.limit).astype(int)

    return FRAME, Threshold(0.3), X, (X["a"] > 0.3).astype(int)


def function() -> Case:
    def score(model_input: list[float]) -> list[float]:
        return [2 * value for value in model_input]

    return {}, score, [1.0, 2.0], [2.0, 4.0]


CASES: dict[str, Callable[[], Case]] = {
    "scikit-learn": scikit_learn,
    "imbalanced-learn pipeline": imbalanced_learn,
    "XGBoost, native": xgboost_booster,
    "XGBoost, scikit-learn API": xgboost_classifier,
    "LightGBM, native": lightgbm_booster,
    "LightGBM, a category": lightgbm_classifier,
    "CatBoost": catboost_classifier,
    "statsmodels, arrays": statsmodels_arrays,
    "statsmodels, formula": statsmodels_formula,
    "PyTorch": pytorch,
    "Lightning": lightning_module,
    "transformers": transformers,
    "Keras": keras,
    "ONNX": onnx,
    "spaCy": spacy,
    "Prophet": prophet,
    "Spark ML": spark_ml,
    "PythonModel": python_model,
    "function": function,
}
