"""Where the files of an inference log lie, and how they get there whole or not at all.

    FOLDER/system=ID/day=2026-11-21/part-20261121T093000-PROCESS-000001.parquet      predictions
    FOLDER/labels/system=ID/day=…/part-….parquet                labels, by the day they came
    FOLDER/overrides/system=ID/day=…/part-….parquet             what people decided instead

Names that begin with a dot or an underscore are not data; pandas, DuckDB, Spark and
`measures.table.files` leave them out.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from aims_mlops.errors import InputError

Part = Literal["predictions", "labels", "overrides"]

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_DAY = re.compile(r"day=(\d{4}-\d\d-\d\d)\Z")
# An object of these appears when it is complete; other places get it under another name first.
_WHOLE_OBJECTS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "memory"})


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the log: path or URL, day of its folder, size in bytes, when it was last written.

    modified : seconds since 1970, or None where the place does not say.
    """

    path: str
    day: date
    size: int
    modified: float | None

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Folder:
    """A folder on this machine or behind a URL of fsspec.

    said : as aims.yaml names it, for records; the path or URL itself if left out.
    """

    url: str
    said: str | None = None

    @classmethod
    def of(cls, folder: str, root: Path) -> Folder:
        """The folder as aims.yaml names it; a relative path starts from `root`."""
        return cls(folder.rstrip("/") if _URL.match(folder) else str(root / folder), folder)

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine and no URL."""
        return _URL.match(self.url) is None

    @property
    def address(self) -> str:
        """The folder as records and messages may name it: without user, password and query."""
        if self.is_local:
            return self.said or self.url
        scheme, _, rest = self.url.partition("?")[0].rpartition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"

    @cached_property
    def _remote(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(self.url)
        return system, str(path).rstrip("/")

    def write(self, part: Part, system: str, day: date, name: str, content: bytes) -> str:
        """Write one file, complete or not at all, and return its path or URL.

        Raises OSError, and whatever the file system behind a URL raises.
        """
        place = f"{_prefix(part)}system={system}/day={day.isoformat()}/{name}"
        return self.put(place, content)

    def put(self, place: str, content: bytes) -> str:
        """The same for a place relative to the folder."""
        if self.is_local:
            return _write_local(Path(self.url) / place, content)
        system, base = self._remote
        path = f"{base}/{place}"
        if _protocol(self.url) in _WHOLE_OBJECTS:
            system.pipe_file(path, content)
        else:
            aside = f"{path.rsplit('/', 1)[0]}/.{place.rsplit('/', 1)[-1]}.part"
            system.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            system.pipe_file(aside, content)
            system.mv(aside, path)
        return str(system.unstrip_protocol(path))

    def get(self, place: str) -> bytes | None:
        """The content of a place relative to the folder, None if there is none."""
        try:
            if self.is_local:
                return (Path(self.url) / place).read_bytes()
            system, base = self._remote
            return bytes(system.cat_file(f"{base}/{place}"))
        except FileNotFoundError:
            return None

    def read(self, path: str) -> bytes:
        """The content of a file that `files` listed."""
        if self.is_local:
            return Path(path).read_bytes()
        system, _ = self._remote
        return bytes(system.cat_file(system._strip_protocol(path)))

    def open(self, path: str) -> Any:
        """The same as a file to read from, of which not everything need be fetched."""
        if self.is_local:
            return Path(path).open("rb")
        system, _ = self._remote
        return system.open(system._strip_protocol(path), "rb")

    def files(
        self, part: Part, system: str, first: date | None = None, last: date | None = None
    ) -> list[StoredFile]:
        """Data files whose day lies from `first` to `last`, both included, in order of path."""
        found = []
        for day in self.days(part, system):
            if (first is None or day >= first) and (last is None or day <= last):
                found += self._files_of(part, system, day)
        return found

    def days(self, part: Part, system: str) -> list[date]:
        """Days that have a folder, oldest first. Raises InputError if it cannot be listed."""
        base = f"{_prefix(part)}system={system}"
        days = {day for name in self._names(base) if (day := _day(name)) is not None}
        return sorted(days)

    def remove_day(self, part: Part, system: str, day: date) -> int:
        """Delete a day's folder with whatever is in it; gives how many data files it had."""
        files = len(self._files_of(part, system, day))
        place = f"{_prefix(part)}system={system}/day={day.isoformat()}"
        if self.is_local:
            import shutil

            shutil.rmtree(Path(self.url) / place)
        else:
            remote, base = self._remote
            remote.rm(f"{base}/{place}", recursive=True)
        return files

    def sweep(self, system: str, process: str) -> int:
        """Delete what a killed process was writing; no reader sees it. Gives how many files."""
        if not self.is_local:
            return 0
        found = list(Path(self.url).glob(f"system={system}/day=*/.part-*-{process}-*.part"))
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def _names(self, place: str) -> list[str]:
        try:
            if self.is_local:
                return [path.name for path in (Path(self.url) / place).iterdir()]
            system, base = self._remote
            found = system.ls(f"{base}/{place}", detail=False, refresh=True)
            return [str(name).rstrip("/").rsplit("/", 1)[-1] for name in found]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise _unlisted(self.url, error) from error

    def _files_of(self, part: Part, system: str, day: date) -> list[StoredFile]:
        place = f"{_prefix(part)}system={system}/day={day.isoformat()}"
        found: list[StoredFile] = []
        try:
            if self.is_local:
                with os.scandir(Path(self.url) / place) as entries:
                    for entry in entries:
                        if _is_data(entry.name) and entry.is_file():
                            stat = entry.stat()
                            found.append(StoredFile(entry.path, day, stat.st_size, stat.st_mtime))
            else:
                remote, base = self._remote
                for detail in remote.ls(f"{base}/{place}", detail=True, refresh=True):
                    name = str(detail["name"]).rsplit("/", 1)[-1]
                    if detail.get("type") == "file" and _is_data(name):
                        url = str(remote.unstrip_protocol(detail["name"]))
                        size = int(detail.get("size") or 0)
                        found.append(StoredFile(url, day, size, _modified(detail)))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise _unlisted(self.url, error) from error
        return sorted(found, key=lambda file: file.path)


def part_name(moment: datetime, process: str, number: int) -> str:
    """A name that sorts by time and that no other process gives, also if a clock is set back."""
    return f"part-{moment.astimezone(UTC):%Y%m%dT%H%M%S}-{process}-{number:06}.parquet"


def _prefix(part: Part) -> str:
    return "" if part == "predictions" else f"{part}/"


def _protocol(url: str) -> str:
    # of a chain such as simplecache::s3://…, the last one stores
    return url.rpartition("::")[2].partition(":")[0].lower()


def _day(name: str) -> date | None:
    match = _DAY.match(name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def _is_data(name: str) -> bool:
    return name.endswith(".parquet") and not name.startswith((".", "_"))


def _modified(detail: dict[str, Any]) -> float | None:
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = detail.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return None


def _unlisted(url: str, error: Exception) -> InputError:
    return InputError(
        f"the inference log {url} cannot be listed",
        got=type(error).__name__,
        next_step="check the address and the rights of this machine",
    )


def _write_local(path: Path, content: bytes) -> str:
    aside = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    return str(path)
