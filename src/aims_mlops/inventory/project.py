"""The project: aims.yaml if there is one, sensible defaults if not."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from aims_mlops.errors import DocumentError, InputError
from aims_mlops.inventory.declared.inference_settings import Inference
from aims_mlops.inventory.declared.people import People
from aims_mlops.inventory.declared.person import Person
from aims_mlops.inventory.declared.settings import Settings, Target, contradictions
from aims_mlops.inventory.declared.system import System

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

FILE_NAME = "aims.yaml"
PROJECT_VARIABLE = "AIMS_PROJECT"  # aims.yaml or its folder
STORE_VARIABLE = "AIMS_STORE_URL"
CREATE_VARIABLE = "AIMS_CREATE_STORE"  # "off": a log and a key are never made, only opened
DEFAULT_STORE = "sqlite:///.aims/evidence.db"
_LOG_FOLDER = ".aims"

_lock = RLock()
_read: dict[Path, tuple[tuple[int, int], Settings]] = {}
_stores: dict[tuple[int, str], EvidenceStore] = {}


@dataclass(frozen=True)
class Project:
    """Where we work. `path` is None without an aims.yaml; `root` is then the working folder."""

    root: Path
    path: Path | None
    settings: Settings

    @property
    def systems(self) -> tuple[System, ...]:
        """The AI systems of aims.yaml."""
        return self.settings.systems

    @property
    def people(self) -> tuple[Person, ...]:
        """The people of aims.yaml."""
        return self.settings.people

    def system(self, id_: str) -> System | None:
        """The AI system with this id."""
        return next((system for system in self.systems if system.id == id_), None)

    def system_of_model(self, name: str) -> System | None:
        """The AI system that a registered model belongs to."""
        return next((system for system in self.systems if system.has_model(name)), None)

    def inference_settings(self, system: str) -> Inference:
        """What aims.yaml says of a system's inference log; the defaults without an aims.yaml.

        Raises InputError for a system that it does not name.
        """
        known = self.system(system)
        if known is not None:
            return known.inference
        if self.path is None:
            return Inference()
        raise InputError(
            "aims.yaml names no such AI system",
            got=repr(system),
            expected=", ".join(s.id for s in self.systems) or "systems in aims.yaml",
        )

    @cached_property
    def humans(self) -> People:
        """The people, with who is the same human as whom."""
        return People(self.people)

    def person(self, id_or_alias: str) -> Person | None:
        """The person behind an id, email address or account; spelling variants are the same."""
        return self.humans.person(id_or_alias)

    def human(self, id_or_alias: str) -> str:
        """The id of the human who answers for an identity; an unknown identity, folded."""
        return self.humans.human(id_or_alias)

    def target_name(self, name: str) -> str:
        """The target that a name or alias stands for; the name itself if none does."""
        wanted = name.casefold()
        for target_name in self.settings.targets:
            if wanted == target_name.casefold():
                return target_name
        for target_name, target in self.settings.targets.items():
            if wanted in (alias.casefold() for alias in target.aliases):
                return target_name
        return name

    def target(self, name: str) -> Target | None:
        """The promotion target of this name, or the one that an alias of this name means."""
        return self.settings.targets.get(self.target_name(name))

    def policy_source(self, target: str) -> str | None:
        """Path or pack name of the policy that decides about a target."""
        found = self.target(target)
        if found is None:
            return None
        path = self.root / found.policy
        return str(path) if path.is_file() or "/" in found.policy else found.policy

    @property
    def store_url(self) -> str:
        """URL of the evidence store; a SQLite path in it is absolute."""
        url = os.environ.get(STORE_VARIABLE) or self.settings.store or DEFAULT_STORE
        return absolute_store_url(url, self.root)

    def open_store(self) -> EvidenceStore:
        """The evidence store, opened once a process; raises StoreError.

        What it finds was signed by the log's key, as far as a key here can tell; the bare rows
        are behind `evidence.store.as_stored`.
        """
        store = open_store(self.store_url)
        found: EvidenceStore = getattr(store, "shown", store)
        return found


def find_project(start: Path | None = None) -> Project:
    """The project of AIMS_PROJECT, else of the nearest aims.yaml upward, else of this folder.

    Upward goes from `start`, or from the working folder and then from the folder of the script
    that runs: cron and systemd start it in `/`. See `project_folder`.
    Raises DocumentError, with file and line, if the aims.yaml that is found is not valid.
    """
    named = os.environ.get(PROJECT_VARIABLE)
    folder = project_folder(start)
    path = folder / FILE_NAME
    if named and start is None:
        given = Path(named).expanduser().absolute()
        path = path if given.is_dir() else given
        if not path.is_file():
            raise InputError(
                f"{PROJECT_VARIABLE} leads to no {FILE_NAME}",
                got=str(path),
                next_step=f"aims init {path.parent}",
            )
    return _project(path) if path.is_file() else Project(folder, None, Settings())


def project_folder(start: Path | None = None) -> Path:
    """The folder of the project, found without reading its aims.yaml; where we start from if none.

    Where there is no aims.yaml it is the working folder, or that of the script if that one has a
    `.aims` and the working folder has none.
    """
    named = os.environ.get(PROJECT_VARIABLE)
    if named and start is None:
        path = Path(named).expanduser().absolute()
        return path if path.is_dir() else path.parent
    folder = Path(start if start is not None else Path.cwd()).absolute()
    script = _script_folders() if start is None else ()
    for origin in (folder, *script):
        for candidate in (origin, *origin.parents):
            if (candidate / FILE_NAME).is_file():
                return candidate
    if not (folder / _LOG_FOLDER).is_dir():
        return next((place for place in script if (place / _LOG_FOLDER).is_dir()), folder)
    return folder


def _script_folders() -> tuple[Path, ...]:
    """The folder of the script that this process runs, also behind a link; none for a tool.

    Tools such as `aims` and `pytest` lie in the environment, which may lie in another project.
    """
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(file, str) or not file.endswith((".py", ".pyw", ".ipynb")):
        return ()
    found = Path(file).absolute()
    try:
        folders = dict.fromkeys((found.parent, found.resolve().parent))
    except OSError:
        return ()
    tools = {Path(sys.prefix), Path(sys.base_prefix)} - {Path("/")}
    return tuple(
        folder
        for folder in folders
        if "site-packages" not in folder.parts
        and not any(folder.is_relative_to(tool) for tool in tools)
    )


def read_settings(path: Path) -> Settings:
    """aims.yaml as Settings; raises DocumentError with every problem and its line."""
    from aims_mlops.documents.problems import validated
    from aims_mlops.documents.reading import read_yaml

    return validated(
        read_yaml(path),
        Settings,
        next_step=f"aims lint {path}",
        checks=(contradictions,),
    )


def absolute_store_url(url: str, root: Path) -> str:
    """A store URL whose SQLite path, if it is relative, starts from `root`."""
    prefix = "sqlite:///"
    rest = url.removeprefix(prefix)
    if rest == url or rest.startswith((":memory:", "/")) or Path(rest).is_absolute():
        return url
    return f"{prefix}{(root / rest).as_posix()}"


def open_store(url: str) -> EvidenceStore:
    """The store behind a URL, once a process and URL; raises InputError for an unknown scheme."""
    key = (os.getpid(), url)  # a forked worker must not share a parent's connection
    with _lock:
        if key not in _stores:
            store = _stores[key] = _opener(url)(url)
            if getattr(store, "is_new", False):
                _tell_new(store)
        return _stores[key]


def _tell_new(store: EvidenceStore) -> None:
    """One line about a log and a key that were just made: in the wrong folder they split the log.

    On standard error, because it is no warning of the user's code and no output of a command.
    """
    sys.stderr.write(
        f"aims: new evidence log {store.url}, with a key of its own in "
        f"{getattr(store, 'key_folder', 'its place')}: keep that key. If the log is elsewhere, "
        f"set {PROJECT_VARIABLE} to the project's folder; {CREATE_VARIABLE}=off makes no new one.\n"
    )


def forget_stores() -> None:
    """Close this process's stores; the next `open_store` opens them anew."""
    with _lock:
        for key in [key for key in _stores if key[0] == os.getpid()]:
            _stores.pop(key).close()


def _opener(url: str) -> Callable[[str], EvidenceStore]:
    from aims_mlops.plugins import hooks

    openers: dict[str, Callable[[str], EvidenceStore]] = {}
    # The first plugin that registers a scheme keeps it: a later one cannot take a store over.
    for registered in reversed(hooks().register_evidence_stores()):
        for scheme, opener in registered.items():
            openers.setdefault(scheme, opener)
    scheme = url.partition(":")[0].lower()
    found = openers.get(scheme) or openers.get(scheme.partition("+")[0])
    if found is None:
        raise InputError(
            "no plugin opens evidence stores of this scheme",
            got=scheme,
            expected="one of " + ", ".join(sorted(openers)),
            next_step="aims plugins",
        )
    return found


def _project(path: Path) -> Project:
    try:
        stat = path.stat()
    except OSError as error:
        raise DocumentError(f"cannot read the file: {error.strerror}", path=path) from error
    version = (stat.st_mtime_ns, stat.st_size)
    with _lock:
        known = _read.get(path)
        if known is None or known[0] != version:
            known = _read[path] = (version, read_settings(path))
    return Project(path.parent, path, known[1])
