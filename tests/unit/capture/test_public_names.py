"""`import aims_mlops as aims`: every promised name, and nothing heavy loaded to have it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import aims_mlops as aims

HEAVY = (
    "mlflow",
    "great_expectations",
    "evidently",
    "fairlearn",
    "sklearn",
    "pandas",
    "sqlalchemy",
    "fastapi",
    "numpy",
    "scipy",
    "pyarrow",
    "polars",
    "pydantic",
    "pluggy",
)


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("COV")},
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("name", aims.__all__)
def test_public_name_resolves(name: str) -> None:
    assert getattr(aims, name) is not None
    assert name in dir(aims)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trainig'"):
        _ = aims.trainig  # type: ignore[attr-defined]


def test_import_loads_nothing_heavy() -> None:
    loaded = modules_after("import aims_mlops")
    assert [name for name in HEAVY if name in loaded] == []


def test_decorating_loads_nothing_heavy() -> None:
    loaded = modules_after(
        "import aims_mlops as aims\n"
        "@aims.training(system='loans')\n"
        "def train(): pass\n"
        "@aims.evaluation\n"
        "async def evaluate(): pass\n"
        "aims.errors.InputError\n"
    )
    heavy = [name for name in HEAVY if name not in ("pydantic", "pluggy")]
    assert [name for name in heavy if name in loaded] == []


def test_run_without_data_loads_no_data_library(tmp_path: object) -> None:
    loaded = modules_after(
        f"import os; os.chdir({str(tmp_path)!r}); os.environ['AIMS_MLFLOW'] = 'off'\n"
        "import aims_mlops as aims\n"
        "@aims.training\n"
        "def train(rate): pass\n"
        "train(0.5)\n"
    )
    heavy = [name for name in HEAVY if name not in ("pydantic", "pluggy", "sqlalchemy")]
    assert [name for name in heavy if name in loaded] == []
