"""One row of the table in docs/flavours.md: what becomes of a model of one flavor."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CASES

PAGE = Path(__file__).parents[2] / "docs" / "flavours.md"
COLUMNS = ["recorded", "registered", "loads elsewhere", "predicts the same", "signature"]
COLUMNS += ["parameters", "dataset", "requirements", "known again"]

LOAD = """
import pickle, sys, warnings
warnings.simplefilter("ignore")
import mlflow
uri, rows, out = sys.argv[1:]
found = mlflow.pyfunc.load_model(uri)
answer = found.predict(pickle.load(open(rows, "rb")))
pickle.dump(answer, open(out, "wb"))
"""


def row_of(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> list[str]:
    """Train, register, load in another process and ask; the cells of the row, without its name.

    form : of the check of loading, `full` or `cheap`.
    """
    import aims_mlops as aims
    import mlflow
    from aims_mlops.inventory.project import find_project, forget_stores

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")
    monkeypatch.setenv("AIMS_MODEL_CHECK", form)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("flavours")
    arguments, model, rows, expected = CASES[name]()

    def training(result: Any) -> Any:
        @aims.training(register="model", quality=False)
        def train(**data: Any) -> Any:
            if callable(result) and not hasattr(result, "predict"):
                aims.current_run().model(result)  # a plain function is no model until it is said
            return result

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train(**arguments)

    training(model)
    monkeypatch.setenv("AIMS_MODEL_CHECK", "off")
    training(CASES[name]()[1])
    records = [record.evidence for record in find_project().open_store().find()]
    forget_stores()
    models = [evidence.body for evidence in records if evidence.kind == "model"]
    gaps = sorted({str(e.body["message"]) for e in records if e.kind == "gap"})
    datasets = {e.body["name"] for e in records if e.kind == "dataset"}
    for gap in gaps:
        print("gap:", gap)
    (body, again) = models
    print(json.dumps({k: v for k, v in body.items() if k != "files"}, indent=1)[:6000])
    files = [file["path"] for file in body["files"]]
    loads, same, folder = "no", "no", tmp_path / "rows"
    folder.mkdir()
    (folder / "rows").write_bytes(pickle.dumps(rows))
    script = folder / "load.py"  # a file: PySpark takes `-c` for its doctests and ends with 0
    script.write_text(LOAD)
    done = subprocess.run(
        [sys.executable, script, "models:/model/1", str(folder / "rows"), str(folder / "out")],
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode == 0 and (folder / "out").is_file():
        loads = "yes"
        same = "yes" if _equal(pickle.loads((folder / "out").read_bytes()), expected) else "no"
    else:
        print("exit", done.returncode, done.stdout[-1000:], done.stderr[-3000:])
    signature = body["signature"] or {}
    row = [
        "pickle" if "pickle" in body["content"] else "yes",
        "yes" if body["registered"] else "no",
        loads,
        same,
        "inputs and outputs" if signature.get("outputs") else "inputs" if signature else "no",
        "yes" if body["parameters_of_model"] else "no",
        "yes" if datasets else ("none given" if not arguments else "no"),
        "pinned" if "requirements.txt" in files else "no",
        "yes" if body.get("canonical") and body["canonical"] == again.get("canonical") else "no",
    ]
    print(row)
    assert (loads, same) == ("yes", "yes")
    assert body["loads"]["form"] in (form, "names only")
    assert body["loads"]["same"] is not False
    assert gaps == []
    return row


def _equal(found: Any, expected: Any) -> bool:
    import pandas as pd

    if isinstance(found, dict) and len(found) == 1:
        (found,) = found.values()
    if isinstance(found, pd.DataFrame):
        for column in ("yhat", "label", "predictions"):
            if column in found:
                found = found[column]
    listed, wanted = list(np.asarray(found).ravel()), list(np.asarray(expected).ravel())
    if len(listed) != len(wanted):
        return False
    if listed and isinstance(wanted[0], str | dict):
        return listed == wanted
    return bool(np.allclose(np.asarray(listed, float), np.asarray(wanted, float), atol=1e-6))
