"""The rows of docs/flavours.md whose library is here hold; `make flavours` holds them all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flavours"))
from rows import PAGE, row_of


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "flavor", ["scikit-learn", "statsmodels, formula", "PythonModel", "function"]
)
def test_row_of_the_flavor_says_what_becomes_of_its_model(
    flavor: str, tracking: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = row_of(flavor, tmp_path, monkeypatch, "cheap")
    assert f"| {flavor} | {' | '.join(cells)} |" in PAGE.read_text(encoding="utf-8").splitlines()
