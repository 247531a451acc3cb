"""A process in which a model has nothing but its requirements; run as a script, imports none of us.

`python -I clean_process.py FOLDER ROWS` loads the MLflow model in FOLDER, asks it about the pickled
rows, and writes `answer` beside them: {"predictions": […]} or {"error": class, "module": name}.
"""

from __future__ import annotations

import json
import pickle
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from importlib.abc import MetaPathFinder
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    packages_distributions,
    requires,
)
from pathlib import Path
from typing import Any


class OnlyRequired(MetaPathFinder):
    """Finds nothing of packages that are not required; all else as the finders that were there."""

    def __init__(self, allowed: set[str], finders: list[Any]) -> None:
        self._finders = finders
        self._owners = {
            module: {_plain(name) for name in names}
            for module, names in packages_distributions().items()
        }
        self._allowed = allowed

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Find a module only where an allowed distribution has it."""
        owners = self._owners.get(fullname.partition(".")[0])
        if owners is not None and not owners & self._allowed:
            return None  # as if it were not installed
        ways = (getattr(finder, "find_spec", _no_spec) for finder in self._finders)
        found = (way(fullname, path, target) for way in ways)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *context: Any) -> Iterator[Distribution]:
        """What `importlib.metadata` knows of; MLflow asks it whether it is installed itself."""
        for finder in self._finders:
            for found in getattr(finder, "find_distributions", _none)(*context):
                if _plain(found.metadata["Name"] or "") in self._allowed:
                    yield found


def _no_spec(*context: Any) -> None:
    return None


def _none(*context: Any) -> list[Distribution]:
    return []


class Finders(list[Any]):
    """`sys.meta_path` that lets no finder past, those included that libraries add to it later.

    The `importlib_metadata` that MLflow brings adds one that knows every package that is installed,
    and a library that has asked it goes on to import what it must not find.
    """

    def __init__(self, allowed: set[str], finders: list[Any]) -> None:
        super().__init__([OnlyRequired(allowed, finders)])
        self._allowed = allowed

    def append(self, finder: Any) -> None:
        """Add a finder, which sees only what is allowed."""
        super().append(OnlyRequired(self._allowed, [finder]))

    def insert(self, index: Any, finder: Any) -> None:
        """Add a finder at a place; it sees only what is allowed."""
        super().insert(index, OnlyRequired(self._allowed, [finder]))


def main() -> None:
    """Load the model, predict, and write down what came of it."""
    folder, rows = Path(sys.argv[1]), Path(sys.argv[2])
    warnings.simplefilter("ignore")
    answer: dict[str, object]
    try:
        given = pickle.loads(rows.read_bytes())  # noqa: S301  written by the process that started us
        text = (folder / "requirements.txt").read_text(encoding="utf-8")
        sys.meta_path = Finders(closure(named_in(text)), sys.meta_path[:])
        import mlflow.pyfunc

        model = mlflow.pyfunc.load_model(str(folder))
        answer = {"predictions": None if given is None else _plain_values(model.predict(given))}
    except Exception as error:  # noqa: BLE001  whatever it is, the parent is told its class
        answer = {"error": type(error).__qualname__, "module": getattr(error, "name", None)}
    rows.with_name("answer").write_text(json.dumps(answer, default=str))


def _plain_values(found: object) -> object:
    import numpy as np

    if isinstance(found, dict) and len(found) == 1:
        (found,) = found.values()
    return np.asarray(found).ravel().tolist()


def named_in(text: str) -> set[str]:
    """Names of the packages in a requirements.txt, as they are compared: lower case, hyphens."""
    matches = (re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line) for line in text.splitlines())
    return {_plain(match.group(1)) for match in matches if match is not None}


def closure(names: Iterable[str]) -> set[str]:
    """These packages and all that they require, extras left out, as far as they are installed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            listed = requires(name) or []
        except PackageNotFoundError:
            continue
        waiting += named_in("\n".join(line for line in listed if "extra ==" not in line))
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
