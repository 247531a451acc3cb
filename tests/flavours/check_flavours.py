"""What becomes of a model of every flavor; docs/flavours.md is the table that this makes.

Run by `make flavours`, in an environment of its own: the frameworks take gigabytes. Each model is
trained by a decorated function, registered, loaded in another process by MLflow alone, and asked
for predictions there. `AIMS_WRITE_FLAVOURS=1` writes the table anew; otherwise it must hold.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cases import CASES
from rows import COLUMNS, PAGE, row_of

FORM = os.environ.pop("AIMS_MODEL_CHECK", "full")
WRITE = os.environ.pop("AIMS_WRITE_FLAVOURS", "") == "1"

pytestmark = pytest.mark.filterwarnings("ignore")
_table: dict[str, list[str]] = {}


@pytest.fixture(scope="module", autouse=True)
def page() -> Iterator[None]:
    """The rows that the cases made stand in the page, or are written there."""
    yield
    if len(_table) < len(CASES):
        return  # only some were run
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end -->")
    made = f"{before}<!-- table -->\n{_rows()}<!-- end -->{after}"
    if WRITE:
        PAGE.write_text(made, encoding="utf-8")
    assert made == PAGE.read_text(encoding="utf-8"), "make flavours WRITE=1"


def _rows() -> str:
    lines = ["| flavor | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(_table[name]) + " |" for name in CASES]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_model_of_the_flavor_is_recorded_registered_and_usable_elsewhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _table[name] = row_of(name, tmp_path, monkeypatch, FORM)
