"""The files of one window, as one table that can be read like any other."""

from __future__ import annotations

import glob
import hashlib
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, TypeVar

from aims_mlops.errors import InputError, MissingExtraError
from aims_mlops.evidence.records import Subject
from aims_mlops.monitoring.odd_files import fitting

T = TypeVar("T")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that is there: path or URL, and its size in bytes."""

    path: str
    size: int

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a window holds.

    path : a file, or a folder of files; None if there is none.
    repeated : names of files that have the content of another one and were left out.
    digests : name, size and SHA-256 of each file, being computed while the batch is measured.
    left_out : of each file that does not fit to the others `name`, `size`, `sha256` and `reason`.
    """

    path: Path | None
    repeated: tuple[str, ...]
    digests: tuple[tuple[Listed, Future[str]], ...]
    left_out: tuple[dict[str, Any], ...] = ()
    paths: tuple[Path, ...] = field(default=(), repr=False)
    folder: Path | None = field(default=None, repr=False)

    @property
    def files(self) -> tuple[dict[str, Any], ...]:
        """Name, size and SHA-256 of each. Raises InputError for a file that cannot be read."""
        return tuple(_told(file, digest) for file, digest in self.digests)

    @property
    def first_name(self) -> str:
        """The name of the window's first file."""
        return self.digests[0][0].name

    def fitted(self) -> Batch:
        """Those of its files that make one table; itself where there is nothing to leave out."""
        if len(self.paths) < 2:
            return self
        folder = Path(tempfile.mkdtemp(prefix="fitted-", dir=self.folder))
        found = fitting(self.paths, folder)
        kept = sorted(found.paths)
        if not kept or [found.paths[place] for place in kept] == list(self.paths):
            return self
        return replace(
            self,
            path=_as_one([found.paths[place] for place in kept], folder),
            digests=tuple(self.digests[place] for place in kept),
            left_out=tuple(
                _told(*self.digests[place]) | {"reason": found.odd[place]}
                for place in sorted(found.odd)
                if not _is_marker(self.digests[place][0])
            ),
            paths=(),
        )

    @property
    def subject(self) -> Subject | None:
        """The batch by the content of its files; the digest of a lone file is its own."""
        digests = [str(file["sha256"]) for file in self.files]
        if not digests:
            return None
        name = f"dataset:{self.files[0]['name']}"
        if len(digests) == 1:
            return Subject(name, digests[0])
        together = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
        return Subject(f"{name} and {len(digests) - 1} more", together)


def files_of(
    template: str, root: Path, start: datetime, end: datetime, zone: tzinfo = UTC
) -> tuple[Listed, ...]:
    """The files of a window that are there now, sorted by path.

    template : with {day}, {hour} and {month}, as in `inventory.declared.monitor.Monitor`; relative
    to `root`.  zone : on whose clock.
    Raises InputError for a place that cannot be listed.
    """
    found: dict[str, Listed] = {}
    for pattern in dict.fromkeys(_patterns(template, start.astimezone(zone), end.astimezone(zone))):
        for listed in _remote(pattern) if _URL.match(pattern) else _local(root / pattern):
            found[listed.path] = listed
    return tuple(sorted(found.values(), key=lambda file: file.path))


def signature(files: Sequence[Listed]) -> list[list[Any]]:
    """What tells whether a window's files are those of before: names and sizes."""
    return [[file.name, file.size] for file in files]


@contextmanager
def opened(files: Sequence[Listed]) -> Iterator[Batch]:
    """The files as one path; remote ones are fetched into a folder that is removed afterwards.

    A file whose content another one has already is counted once.
    Raises InputError for a file that cannot be read.
    """
    folder = Path(tempfile.mkdtemp(prefix="aims-window-"))
    alike = {size for size, count in Counter(file.size for file in files).items() if count > 1}
    try:
        with ThreadPoolExecutor(1, "aims-digest") as digesting:
            kept: list[tuple[Listed, Future[str]]] = []
            paths: list[Path] = []
            repeated: list[str] = []
            seen: set[tuple[int, str]] = set()
            for place, file in enumerate(files):
                path = _fetched(file, folder, place)
                digest = digesting.submit(_digest, path, file)
                if file.size in alike:  # only files of one size can be copies of one another
                    if (file.size, digest.result()) in seen:
                        repeated.append(file.name)
                        continue
                    seen.add((file.size, digest.result()))
                kept.append((file, digest))
                paths.append(path)
            one = _as_one(paths, folder)
            yield Batch(one, tuple(repeated), tuple(kept), paths=tuple(paths), folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def with_what_fits(batch: Batch, use: Callable[[Batch], T]) -> tuple[T, Batch]:
    """What `use` makes of the batch, and the batch that it could use: all of it, else what fits.

    A file that is no table by its ending is left out of several from the start: whatever reads a
    folder passes over it. Raises what `use` raises where no file is at fault.
    """
    from aims_mlops.measures.table.files import is_table_file

    if any(not is_table_file(Path(f.name)) and not _is_marker(f) for f, _ in batch.digests):
        batch = batch.fitted()
    try:
        return use(batch), batch
    except InputError:
        fitted = batch.fitted()
        if fitted is batch:
            raise
    return use(fitted), fitted


def _is_marker(file: Listed) -> bool:
    """What writers of folders leave beside their tables, such as `_SUCCESS`."""
    return file.name.startswith(("_", "."))


def _told(file: Listed, digest: Future[str]) -> dict[str, Any]:
    return {"name": file.name, "size": file.size, "sha256": digest.result()}


def _patterns(template: str, start: datetime, end: datetime) -> Iterator[str]:
    """One for each hour, or each day, that the window touches on the clock of its zone."""
    hours = "{hour}" in template
    moment = start if hours else start.replace(hour=0, minute=0, second=0, microsecond=0)
    while moment < end:
        yield (
            template.replace("{day}", f"{moment:%Y-%m-%d}")
            .replace("{hour}", f"{moment:%H}")
            .replace("{month}", f"{moment:%Y-%m}")
        )
        if hours:  # by time that passes: an hour can come twice, or not at all
            moment = (moment.astimezone(UTC) + timedelta(hours=1)).astimezone(start.tzinfo)
        else:
            moment += timedelta(days=1)


def _local(pattern: Path) -> Iterator[Listed]:
    for found in glob.glob(str(pattern), recursive=True):  # noqa: PTH207  the pattern has a root
        path = Path(found)
        if path.is_file():
            yield Listed(str(path), path.stat().st_size)
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                hidden = any(p.startswith((".", "_")) for p in file.relative_to(path).parts)
                if file.is_file() and not hidden:
                    yield Listed(str(file), file.stat().st_size)


def _remote(pattern: str) -> Iterator[Listed]:
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError("reading from a URL", library="fsspec", extra="store") from error
    try:
        system, path = fsspec.core.url_to_fs(pattern)
        details = system.glob(path, detail=True)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"cannot list {pattern}: {type(error).__name__}",
            next_step="check the address and the credentials of this machine",
        ) from error
    for name, detail in details.items():
        if detail.get("type") == "file":
            yield Listed(system.unstrip_protocol(name), int(detail.get("size") or 0))


def _fetched(file: Listed, folder: Path, place: int) -> Path:
    if not _URL.match(file.path):
        return Path(file.path)
    import fsspec

    target = folder / "fetched" / f"{place:06}-{file.name}"
    target.parent.mkdir(exist_ok=True)
    try:
        system, path = fsspec.core.url_to_fs(file.path)
        system.get_file(path, str(target))
    except OSError as error:
        raise InputError(f"cannot fetch {file.name}: {type(error).__name__}") from error
    return target


def _digest(path: Path, file: Listed) -> str:
    try:
        with path.open("rb") as opened_file:
            return hashlib.file_digest(opened_file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {file.name}: {error.strerror}") from error


def _as_one(paths: Sequence[Path], folder: Path) -> Path | None:
    """A folder of links, so that many files are read as one table without being copied."""
    if len(paths) < 2:
        return paths[0] if paths else None
    together = folder / "window"
    together.mkdir()
    for place, path in enumerate(paths):
        (together / f"{place:06}-{path.name}").symlink_to(path.absolute())
    return together
