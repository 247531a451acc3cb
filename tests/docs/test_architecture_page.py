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


def test_every_feature_on_the_page_has_the_file_that_the_page_names() -> None:
    section = PAGE.split("### Where a feature lives", 1)[1].split("\nThe top-level", 1)[0]
    paths = re.findall(r"^\| [A-Z][^|]* \| `([\w/]+\.py)` \|$", section, re.MULTILINE)
    assert len(paths) >= 20
    missing = [path for path in paths if not (ROOT / "src" / "aims_mlops" / path).is_file()]
    assert not missing


def test_no_room_holds_more_than_twelve_files_but_the_commands() -> None:
    package = ROOT / "src" / "aims_mlops"
    crowded = {
        str(folder.relative_to(package)): count
        for folder in package.rglob("*")
        if folder.is_dir()
        and (count := sum(1 for file in folder.glob("*.py") if file.name != "__init__.py")) > 12
    }
    crowded.pop("cli", None)  # a command's name finds its file
    assert not crowded
