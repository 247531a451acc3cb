"""Whether what was saved can be used elsewhere: what its files import, and what it says there.

The cheap form looks at the names that the files will import, holds them against the requirements,
loads the model back in this process and compares predictions on a few rows. The full form
(`AIMS_MODEL_CHECK=full`) loads it in a clean process in which nothing can be imported but the
standard library, the requirements and what they require. `AIMS_MODEL_CHECK=off` leaves both out.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.state.packages import packages_of
from aims_mlops.errors import InputError
from aims_mlops.mlflow_plugin.saved_model.clean_process import closure, named_in
from aims_mlops.mlflow_plugin.saved_model.flavors import Flavor
from aims_mlops.mlflow_plugin.saved_model.signatures import predicted, sample_of

if TYPE_CHECKING:
    from aims_mlops.capture.state.run_state import RunState

CHECK_VARIABLE = "AIMS_MODEL_CHECK"
_ROWS = 5
_SIZE_LIMIT = 50_000_000  # bytes of a model that is loaded back
_SECONDS = 180.0  # of the clean process
_MODULE_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_NOT_HERE = ("pyfunc", "spark")  # whose loading or predicting may do anything, or take long


def check_loading(
    run: RunState, model: Any, flavor: Flavor | None, folder: Path, size: int
) -> InputError | None:
    """Say in the model's record what was checked; returns what does not hold, for a gap."""
    entry = run.describing
    form = os.environ.get(CHECK_VARIABLE, "cheap")
    if entry is None or form == "off":
        return None
    if form not in ("cheap", "full"):
        raise InputError(
            f"{CHECK_VARIABLE} is not a way to check a model",
            got=repr(form[:40]),
            expected="cheap, full or off",
        )
    missing = missing_modules(folder)
    found: dict[str, Any] = {"form": form, "missing": missing, "rows": 0, "same": None}
    entry.loads = found
    if missing:
        return _not_importable(missing)
    sample = None if flavor is None else sample_of(run, model, flavor)
    rows = None if sample is None else sample[:_ROWS]
    if form == "full":
        return _compare(model, flavor, rows, lambda: _elsewhere(folder, rows), found)
    if flavor is not None and flavor.name not in _NOT_HERE and size <= _SIZE_LIMIT:
        return _compare(model, flavor, rows, lambda: _here(folder, rows), found)
    found["form"] = "names only"
    return None


def missing_modules(folder: Path) -> list[str]:
    """Modules that the files import and that neither Python nor the requirements bring."""
    path = folder / "requirements.txt"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    allowed = closure(named_in(text))
    code = {entry.stem for entry in folder.glob("code/*")}
    missing = set()
    for module in _imported(folder) - code:
        if module in sys.stdlib_module_names or module == "builtins":
            continue
        packages = packages_of(module)
        if module in ("__main__", "__mp_main__") or not allowed.intersection(packages):
            loaded = sys.modules.get(module)
            if packages or module == "__main__" or getattr(loaded, "__file__", None):
                missing.add(module)
    return sorted(missing)


def _imported(folder: Path) -> set[str]:
    """Top-level modules that are named by pickles and skops files, of which nothing is run."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".pkl", ".pickle", ".skops", ".pth", ".statsmodels"):
            with contextlib.suppress(Exception):  # of a form that tells no names
                found |= _names_in(path)
    return {name for name in found if _MODULE_NAME.match(name)}


def _names_in(path: Path) -> set[str]:
    from aims_mlops.measures.fingerprint.pickle_content import modules_in

    if not zipfile.is_zipfile(path):
        return modules_in(path.read_bytes())
    found: set[str] = set()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".pkl"):
                found |= modules_in(archive.read(name))
            elif name == "schema.json":
                text = archive.read(name).decode()
                modules = re.findall(r'"__module__":\s*"([\w.]+)"', text)
                found |= {module.partition(".")[0] for module in modules}
    return {name for name in found if not name.startswith("_cython_")}


def _here(folder: Path, rows: Any) -> Any:
    import mlflow

    loaded = mlflow.pyfunc.load_model(str(folder))
    return None if rows is None else loaded.predict(rows)


def _elsewhere(folder: Path, rows: Any) -> Any:
    """What the model says in a clean process; raises InputError with what stopped it there."""
    script = Path(__file__).with_name("clean_process.py")
    with tempfile.TemporaryDirectory(prefix="aims-load-") as temporary:
        given = Path(temporary, "rows")
        given.write_bytes(pickle.dumps(rows))
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(script), str(folder.absolute()), str(given)],
                cwd=temporary,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(
                "the model was not loaded in a clean process in time",
                got=f"more than {_SECONDS:.0f} s",
                next_step=f"load it by hand, or set {CHECK_VARIABLE}=cheap",
            ) from error
        answer = given.with_name("answer")
        found = json.loads(answer.read_text()) if answer.is_file() else {"error": "Killed"}
    if "error" in found:
        raise InputError(
            "the model does not load in a clean process with its requirements only",
            got=f"{found['error']} {found.get('module') or ''}".strip()
            + (f" (exit {done.returncode})" if done.returncode else ""),
            next_step="add what it needs to its requirements; "
            "put classes of your own into a package",
        )
    return found["predictions"]


def _compare(
    model: Any, flavor: Flavor | None, rows: Any, ask: Callable[[], Any], found: dict[str, Any]
) -> InputError | None:
    try:
        answer = ask()
    except InputError as error:
        found["same"] = False
        return error
    except Exception as error:  # noqa: BLE001  a library's, or the model's own
        found["same"] = False
        problem = InputError(
            "the saved model does not load or predict again",
            got=type(error).__qualname__,
            expected="the predictions of the model that was returned",
            next_step="load it with mlflow.pyfunc.load_model and see what it says",
        )
        problem.__cause__ = error
        return problem
    if rows is None or flavor is None or flavor.name in _NOT_HERE:
        return None
    try:
        expected = predicted(model, rows, flavor)
    except Exception:  # noqa: BLE001  it wants other rows than those at hand: nothing to compare
        return None
    same = _equal(answer, expected)
    if same is not None:
        found["rows"], found["same"] = len(rows), same
    if same is False:
        return InputError(
            "the saved model does not predict what the returned one does",
            got=f"other predictions on {len(rows)} rows",
            next_step="check what the model keeps outside of itself",
        )
    return None


def _equal(found: Any, expected: Any) -> bool | None:
    """Whether two answers are equal; None where there is no telling."""
    import numpy as np

    try:
        left, right = (np.asarray(_bare(value)).ravel() for value in (found, expected))
        if left.shape != right.shape:
            return None if left.dtype.kind == "O" or right.dtype.kind == "O" else False
        if left.dtype.kind in "fiub" and right.dtype.kind in "fiub":
            return bool(np.allclose(left, right, rtol=1e-5, atol=1e-8, equal_nan=True))
        return bool((left.astype(str) == right.astype(str)).all())
    except (TypeError, ValueError):
        return None


def _bare(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return value


def _not_importable(missing: list[str]) -> InputError:
    own = [name for name in missing if not packages_of(name)]
    return InputError(
        "the saved model cannot be loaded elsewhere",
        got=f"it imports {', '.join(missing[:10])}",
        expected="only modules that its requirements bring",
        next_step="move the class into a package, or pass code_paths= to log_model"
        if own
        else "name the packages in pip_requirements= of log_model",
    )
