"""docs/architecture.md is the living picture: its folders, floors and kinds are the code's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from aims_mlops.evidence.kinds import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_every_folder_of_the_package_is_on_the_page() -> None:
    package = ROOT / "src" / "aims_mlops"
    folders = {p.name for p in package.iterdir() if (p / "__init__.py").is_file()}
    told = set(re.findall(r"^\| `(\w+)/` \|", PAGE, re.MULTILINE))
    assert told == folders


def test_floors_on_the_page_are_those_that_are_enforced() -> None:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (floors,) = [
        contract["layers"]
        for contract in configuration["tool"]["importlinter"]["contracts"]
        if contract["name"] == "floors"
    ]
    block = PAGE.split("never imports a higher one", 1)[1].split("```")[1]
    told = [re.split(r"\s{2,}", line.strip())[0] for line in block.strip().splitlines()]
    assert told == floors


def test_every_kind_of_evidence_is_on_the_page() -> None:
    bodies = PAGE.split("### Bodies by kind", 1)[1]
    rows = re.findall(r"^\| (`[^|]*) \|", bodies, re.MULTILINE)
    told = {kind for row in rows for kind in re.findall(r"`([a-z-]+)`", row)}
    assert told == set(KINDS)
