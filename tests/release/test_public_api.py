"""What is public has not broken since the last tag, by griffe; what is internal may change."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import griffe
import pytest

ROOT = Path(__file__).parents[2]
FACE = ("", "errors", "hookspecs", "plugins", "testing")  # modules of aims_mlops, itself first


def loaded(source: Path) -> griffe.Module:
    package = griffe.load("aims_mlops", search_paths=[str(source)], allow_inspection=False)
    assert isinstance(package, griffe.Module)
    return package


def public(package: griffe.Module) -> dict[str, str]:
    """Each public name, and the path of what it stands for."""
    names = {}
    for module in FACE:
        place = package[module] if module else package
        for name in place.exports or ():
            if name in place.members:
                target = place[name]
                target = target.final_target if target.is_alias else target
                names[f"{module}.{name}"] = target.path
    return names


def broken(old: griffe.Module, new: griffe.Module) -> list[str]:
    """What of the public face of `old` does not hold in `new`, in words."""
    before, now = public(old), public(new)
    paths = (*before.values(), *now.values())
    gone = [f"{name} was removed" for name in before if name not in now]
    return gone + [
        f"{change.obj.path}: {change.kind.value}"
        for change in griffe.find_breaking_changes(old, new)
        if any(change.obj.path == path or change.obj.path.startswith(f"{path}.") for path in paths)
    ]


def last_tag(repository: Path) -> str | None:
    done = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


def at(repository: Path, tag: str, folder: Path) -> Path:
    """The sources as they were at a tag, in a folder."""
    archive = subprocess.run(
        ["git", "archive", tag, "src"], cwd=repository, check=True, capture_output=True
    )
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder / "src"


@pytest.fixture(scope="module")
def today() -> griffe.Module:
    return loaded(ROOT / "src")


def test_nothing_public_broke_since_the_last_tag(today: griffe.Module, tmp_path: Path) -> None:
    tag = last_tag(ROOT)
    before = today if tag is None else loaded(at(ROOT, tag, tmp_path / "before"))
    assert len(public(before)) > 60
    assert broken(before, today) == []


def test_last_tag_and_its_sources_are_found(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "src").mkdir(parents=True)
    (repository / "src" / "mark").write_text("one")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")

    def git(*arguments: str) -> None:
        subprocess.run(["git", *who, *arguments], cwd=repository, check=True, capture_output=True)

    git("init", "-q")
    assert last_tag(repository) is None
    git("add", ".")
    git("commit", "-qm", "first")
    git("tag", "v1.0.0")
    (repository / "src" / "mark").write_text("two")
    git("commit", "-qam", "second")
    assert last_tag(repository) == "v1.0.0"
    assert (at(repository, "v1.0.0", tmp_path / "old") / "mark").read_text() == "one"


def test_break_of_a_public_name_is_told_and_of_an_internal_one_is_not(
    today: griffe.Module, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "src" / "aims_mlops", tmp_path / "aims_mlops")

    def change(name: str, what: str, into: str) -> None:
        path = Path(str(today[name].filepath)).relative_to(ROOT / "src")
        text = (tmp_path / path).read_text()
        assert what in text
        (tmp_path / path).write_text(text.replace(what, into, 1))

    homes = public(today)
    change(homes[".gate"].partition("aims_mlops.")[2].rpartition(".")[0], "    target: str,\n", "")
    change("errors", '    "InputError",\n', "")
    change("store.opening", "def open_sql_store(", "def open_another_store(")
    told = broken(today, loaded(tmp_path))
    assert "errors.InputError was removed" in told
    assert f"{homes['.gate']}: Parameter was removed" in told
    assert [words for words in told if "open_sql_store" in words] == []
