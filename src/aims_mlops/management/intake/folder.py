"""A folder of files as the source of entries: what changed since it was last taken in. Pure but for
reading the files.

A file is of the register that its key `register` names, else that its folder is called after. Which
entries came from the folder is told by `origin` in their records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Problem
from aims_mlops.documents.reading import read_text
from aims_mlops.errors import InputError
from aims_mlops.inventory.project import Project
from aims_mlops.management.intake.reading import SUFFIXES, read_change
from aims_mlops.management.registers.change import Change
from aims_mlops.management.registers.entry import Entry, content_of
from aims_mlops.management.registers.register import Register
from aims_mlops.management.registers.spec import REGISTERS


@dataclass
class Plan:
    """What a folder asks for.

    changes : steps to take.  same : how many files say what the log says.  vanished : open entries
    that came from the folder and that no file of it names any more.  passed_over : files that are
    no entries.  elsewhere : entries that were changed by hand, each with its file, unchanged since.
    wrong : files whose change would undo one that was made elsewhere.
    """

    changes: list[Change] = field(default_factory=list)
    same: int = 0
    vanished: list[Entry] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    elsewhere: list[tuple[Entry, str]] = field(default_factory=list)
    wrong: list[tuple[Document, Problem]] = field(default_factory=list)


def plan(project: Project, register: Register, folder: Path, *, overwrite: bool = False) -> Plan:
    """What has to be written so that the log says what the folder says.

    overwrite : the folder counts where an entry was changed elsewhere since.
    Raises DocumentError for a file that cannot be read, InputError for what is no folder.
    """
    if not folder.is_dir():
        raise InputError("not a folder", got=str(folder), expected="a folder of YAML and Markdown")
    found = Plan()
    named: set[tuple[str, str]] = set()
    for path in _files(folder):
        place = place_of(project, path)
        if not _is_entry(path):
            found.passed_over.append(place)
            continue
        change = read_change(path, register=_by_folder(path), step="add")
        data = change.source.data
        named.add((change.spec.name, str(data.get("id"))))
        origin = {"file": place, "sha256": _digest(change, path)}
        entry = register.entry(change.spec.name, str(data.get("id")))
        if entry is None:
            found.changes.append(replace(change, origin=origin))
        else:
            _compare(found, replace(change, step="change", origin=origin), entry, overwrite)
    lead = place_of(project, folder) + "/"
    for entry in register.all():
        came_from = _origin(entry).get("file")
        inside = isinstance(came_from, str) and came_from.startswith(lead)
        if inside and not entry.is_closed and (entry.register, entry.id) not in named:
            found.vanished.append(entry)
    return found


def place_of(project: Project, path: Path) -> str:
    """A path as evidence names it: from the folder of aims.yaml, else from the last two parts."""
    whole = path.absolute()
    try:
        return whole.relative_to(project.root.absolute()).as_posix()
    except ValueError:
        return "/".join(whole.parts[-2:])


def kept(entry: Entry) -> Change:
    """The step by which an entry stays although its file is gone; it then is of no folder."""
    content = content_of(entry.latest.evidence.body, entry.kind)
    source = Document(f"{entry.register} {entry.id}", content, {}, "")
    return Change(entry.spec, "change", source, reason="kept; its file is gone")


def _compare(found: Plan, change: Change, entry: Entry, overwrite: bool) -> None:
    last = _last_synced(entry)
    digest = (change.origin or {}).get("sha256")
    if last.get("sha256") == digest:
        if _origin(entry) or entry.is_closed:
            found.same += 1
        else:
            found.elsewhere.append((entry, change.source.path))
        return
    if not _origin(entry) and not overwrite:
        problem = Problem(
            ("id",),
            f"{entry.register} {entry.id} was changed elsewhere",
            f"record {entry.latest.id[:12]} by {entry.latest.evidence.actor}",
            "that change in the file, then aims record sync FOLDER --overwrite",
        )
        found.wrong.append((change.source, problem))
        return
    found.changes.append(change)


def _origin(entry: Entry) -> dict[str, Any]:
    """The file that the entry as it stands came from; empty if it was changed by hand since."""
    said = entry.latest.evidence.body.get("origin")
    return said if isinstance(said, dict) else {}


def _last_synced(entry: Entry) -> dict[str, Any]:
    for step in reversed(entry.steps):
        said = step.evidence.body.get("origin")
        if isinstance(said, dict):
            return said
    return {}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in inside):
            continue
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            yield path


def _is_entry(path: Path) -> bool:
    """Whether a file is meant to be one: any YAML, and Markdown that begins with front matter."""
    if path.suffix.lower() in (".yaml", ".yml"):
        return True
    return read_text(path).startswith("---")


def _by_folder(path: Path) -> str | None:
    """The register that a folder is called after: `risk` or `risks`."""
    name = path.parent.name
    return next((one for one in REGISTERS if name in (one, f"{one}s")), None)


def _digest(change: Change, path: Path) -> str:
    """Of the file, and of the file that it brings along."""
    seen = hashlib.sha256(path.read_bytes())
    named = change.source.data.get("file")
    if isinstance(named, str) and (path.parent / named).is_file():
        seen.update(hashlib.sha256((path.parent / named).read_bytes()).digest())
    return seen.hexdigest()
