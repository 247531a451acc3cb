"""Evidence that the store could not take yet: JSON lines on disk, delivered later, none twice.

One file is one batch: a header line, then one in-toto statement a line. A file appears complete
or not at all (written aside, synced, renamed). Delivery appends the batch, then removes the
file; a crash between the two delivers the same statements again, which the store knows by their
content.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import EvidenceError, EvidenceFormatError, StoreUnavailableError
from aims_mlops.evidence.canonical import canonical, parse
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Record

if TYPE_CHECKING:
    from aims_mlops.store.base import EvidenceStore

FOLDER = Path(".aims") / "spool"
FORMAT = 1
_SUFFIX = ".jsonl"
_SET_ASIDE = ".refused"  # a batch that the store will never take, kept for a person to look at
_REASON = ".why"  # beside it: what the store said
_STALE_SECONDS = 3600  # a half-written file of this age belongs to a process that died

__all__ = [
    "drain",
    "pending",
    "read_batch",
    "refusals",
    "set_aside",
    "spool_batch",
    "spool_folders",
]


def spool_batch(root: Path, batch: Sequence[Evidence], *, reason: str = "") -> Path:
    """Keep a batch for later and return its file, durable when this returns.

    root : the project's folder. Its `.aims/spool` is used, and where that cannot be written the
        user's state folder.
    reason : why the store did not take it: the class of the error.
    Raises StoreUnavailableError if neither folder can be written.
    """
    content = _content(batch, reason)
    name = f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    problems: list[str] = []
    for folder in spool_folders(root):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return _write(folder, name, content)
        except OSError as error:
            problems.append(f"{folder}: {error.strerror or type(error).__name__}")
    raise StoreUnavailableError(
        f"{len(batch)} records could be written neither to the store nor to the spool",
        got="; ".join(problems),
        next_step="make one of these folders writable, or set XDG_STATE_HOME to one that is",
    )


def pending(root: Path) -> list[Path]:
    """Batches of this project that are still to be delivered, oldest first."""
    found: list[Path] = []
    for folder in spool_folders(root):
        with contextlib.suppress(OSError):
            found += [path for path in folder.iterdir() if path.suffix == _SUFFIX]
    return sorted(found, key=lambda path: path.name)


def set_aside(root: Path) -> list[Path]:
    """Batches that can not be delivered as they are: damaged, or refused for what they say."""
    found: list[Path] = []
    for folder in spool_folders(root):
        with contextlib.suppress(OSError):
            found += [path for path in folder.iterdir() if path.suffix == _SET_ASIDE]
    return sorted(found, key=lambda path: path.name)


def refusals(root: Path) -> list[tuple[Path, str]]:
    """Each batch that is set aside, with the reason in one line."""
    found: list[tuple[Path, str]] = []
    for path in set_aside(root):
        try:
            why = path.with_suffix(_REASON).read_text(encoding="utf-8").strip()
        except OSError:
            why = "refused by an earlier version, which did not keep the reason"
        found.append((path, why))
    return found


def drain(root: Path, store: EvidenceStore) -> list[Record]:
    """Deliver every pending batch, oldest first, and return the records.

    Of a batch that the store refuses for what it says, the records that it takes are delivered and
    the others set aside, each with the reason. Raises StoreError as soon as the store does not
    answer; what is left stays pending.
    """
    _sweep(root)
    records: list[Record] = []
    for path in pending(root):
        try:
            batch = read_batch(path)
        except FileNotFoundError:
            continue  # another process delivered it
        except EvidenceError as error:
            _refuse(path, error)
            continue
        try:
            records += store.append_many(batch)
        except EvidenceError as error:
            if len(batch) == 1:
                _refuse(path, error)
                continue
            records += _one_by_one(path, batch, store)
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)
    return records


def _one_by_one(path: Path, batch: Sequence[Evidence], store: EvidenceStore) -> list[Record]:
    """Deliver what the store takes of a refused batch; the rest gets files of its own."""
    records: list[Record] = []
    for number, evidence in enumerate(batch):
        try:
            records += store.append_many([evidence])
        except EvidenceError as error:
            name = f"{path.stem}-{number:05d}"
            _note(path.with_name(name + _REASON), error)
            _write(path.parent, name, _content([evidence], "refused"), suffix=_SET_ASIDE)
    return records


def _refuse(path: Path, error: EvidenceError) -> None:
    """Set a whole batch aside; another process may have done so just now."""
    _note(path.with_suffix(_REASON), error)
    with contextlib.suppress(FileNotFoundError):
        path.rename(path.with_suffix(_SET_ASIDE))


def _note(path: Path, error: EvidenceError) -> None:
    path.write_text(" ".join(f"{type(error).__name__}: {error}".split()) + "\n", encoding="utf-8")


def read_batch(path: Path) -> list[Evidence]:
    """The evidence of one file; EvidenceFormatError if it is damaged or of a newer format."""
    header, *lines = path.read_bytes().splitlines() or [b""]
    try:
        version = parse(header)["aims_spool"]
    except (EvidenceFormatError, KeyError, TypeError) as error:
        raise EvidenceFormatError(f"{path.name} is not a spooled batch") from error
    if version != FORMAT:
        raise EvidenceFormatError(
            f"{path.name} was spooled by another version",
            got=f"format {version}",
            expected=f"format {FORMAT}",
            next_step="deliver it with the version of aims-mlops that wrote it: aims push",
        )
    return [Evidence.from_statement(parse(line)) for line in lines]


def spool_folders(root: Path) -> tuple[Path, Path]:
    """Where batches of a project may lie: in the project, else in the user's state folder."""
    key = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    return root.absolute() / FOLDER, _state_folder() / "aims-mlops" / "spool" / key


def _state_folder() -> Path:
    named = os.environ.get("XDG_STATE_HOME")
    if named and Path(named).is_absolute():
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".local" / "state"


def _content(batch: Sequence[Evidence], reason: str) -> bytes:
    header = json.dumps({"aims_spool": FORMAT, "spooled_at": now(), "reason": reason})
    lines = [header.encode(), *(canonical(evidence.to_statement()) for evidence in batch)]
    return b"\n".join(lines) + b"\n"


def _write(folder: Path, name: str, content: bytes, *, suffix: str = _SUFFIX) -> Path:
    draft, final = folder / f"{name}.draft", folder / f"{name}{suffix}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(final)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync_folder(folder)
    return final


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # a file system that cannot sync a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(root: Path) -> None:
    """Remove drafts of processes that died while writing."""
    for folder in spool_folders(root):
        with contextlib.suppress(OSError):
            for draft in folder.glob("*.draft"):
                if time.time() - draft.stat().st_mtime > _STALE_SECONDS:
                    draft.unlink(missing_ok=True)
