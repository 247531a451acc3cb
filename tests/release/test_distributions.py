"""What is published: the version is the tag's, no link of its page breaks, its files are ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What a build needs of this folder, without git."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("src", "checks", "hooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def hatchling(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "tag.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_version_is_the_tags_and_counts_on_behind_it(source: Path) -> None:
    git(source, "init", "-q")
    git(source, "add", ".")
    git(source, "commit", "-qm", "first")
    git(source, "tag", "v9.8.7")
    assert hatchling(source, "version").strip() == "9.8.7"
    (source / "README.md").write_text("# more\n")
    git(source, "commit", "-qam", "second")
    assert re.fullmatch(r"9\.8\.8\.dev1\+g[0-9a-f]+\S*", hatchling(source, "version").strip())


def test_folder_without_git_has_the_version_that_hooks_install(source: Path) -> None:
    version = hatchling(source, "version").strip()
    assert f"=={version}'" in (ROOT / "hooks/github-actions/aims-gate.yml").read_text()


def test_page_of_the_index_has_no_link_that_breaks_there(source: Path) -> None:
    page = json.loads(hatchling(source, "metadata"))["readme"]["text"]
    links = re.findall(r"\]\(([^)\s]+)\)", page)
    assert len(links) > 20
    for link in links:
        assert re.match(r"https://|#", link), link
        if link.startswith("https://github.com/aims-mlops/aims-mlops/blob/main/"):
            path = link.partition("/blob/main/")[2].partition("#")[0]
            assert (ROOT / path).exists(), link
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)|<img[^>]+src=\"([^\"]+)", page)
    assert [
        image for image in images if not any(part.startswith("https://") for part in image)
    ] == []


def test_wheel_has_both_packages_with_packs_and_hooks_and_nothing_else(source: Path) -> None:
    hatchling(source, "build", "--target", "wheel")
    (wheel,) = (source / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {
        "aims_mlops",
        "aims_verify",
    }
    for name in (
        "checks/baseline.yaml",
        "hooks/README.md",
        "py.typed",
        "evidence/schemas/run-v1.json",
    ):
        assert f"aims_mlops/{name}" in names
