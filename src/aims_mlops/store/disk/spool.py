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
import stat
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import (
    EvidenceConflictError,
    EvidenceError,
    EvidenceFormatError,
    NotAllowedError,
    StoreUnavailableError,
)
from aims_mlops.evidence.admission import payload_of_evidence
from aims_mlops.evidence.clock import now, stamp
from aims_mlops.evidence.encoding.canonical import parse
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.store.disk.atomic_write import sync_folder
from aims_mlops.store.disk.spool_place import spool_folders, state_folder
from aims_mlops.store.disk.spooled_blob import FOLDER as BLOBS
from aims_mlops.store.disk.spooled_blob import deliver_blobs, drafts_of_blobs

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

FORMAT = 1
_SUFFIX = ".jsonl"
_SET_ASIDE = ".refused"  # a batch that the store will never take, kept for a person to look at
_REASON = ".why"  # beside it: what the store said
LOST = "lost-"  # what names of batches of lost runs begin with; they come after the others
_STALE_SECONDS = 3600  # a half-written file of this age belongs to a process that died

__all__ = [
    "LOST",
    "batch_content",
    "batch_name",
    "drain",
    "pending",
    "read_batch",
    "refusals",
    "set_aside",
    "spool_batch",
    "spool_folders",
    "state_folder",
]


def spool_batch(root: Path, batch: Sequence[Evidence], *, reason: str = "") -> Path:
    """Keep a batch for later and return its file, durable when this returns.

    root : the project's folder. Its `.aims/spool` is used, and where that cannot be written the
        user's state folder.
    reason : why the store did not take it: the class of the error.
    Raises StoreUnavailableError if neither folder can be written.
    """
    content = batch_content(batch, reason)
    name = batch_name()
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


def batch_name() -> str:
    """A name for a file of the spool that no other has, and that sorts by time."""
    return f"{time.time_ns():020d}-{os.getpid()}-{uuid.uuid4().hex[:12]}"


def pending(root: Path) -> list[Path]:
    """Batches of this project that are still to be delivered, oldest first."""
    found: list[Path] = []
    for folder in spool_folders(root):
        with contextlib.suppress(OSError):
            found += [path for path in folder.iterdir() if path.suffix == _SUFFIX]
    return sorted(found, key=lambda path: path.name)


def set_aside(root: Path) -> list[Path]:
    """Batches and blobs that cannot be delivered: damaged, or refused for what they say."""
    found: list[Path] = []
    for folder in spool_folders(root):
        for place in (folder, folder / BLOBS):
            with contextlib.suppress(OSError):
                found += [path for path in place.iterdir() if path.suffix == _SET_ASIDE]
    return sorted(found, key=lambda path: path.name)


def refusals(root: Path) -> list[tuple[Path, str]]:
    """Each batch that is set aside, with the reason in one line."""
    found: list[tuple[Path, str]] = []
    for path in set_aside(root):
        try:
            why = path.with_suffix(_REASON).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            why = "refused by an earlier version, which did not keep the reason"
        found.append((path, why))
    return found


def drain(root: Path, store: EvidenceStore) -> list[Record]:
    """Deliver every pending batch, oldest first, and return the records; the blobs before them.

    Nothing holds up what lies behind it: what is no batch is set aside with the reason; of a batch
    that the store refuses for what it says, the records that it takes are delivered and the others
    set aside, and each refusal is a `gap` in the log. What this machine may not push or read now
    stays pending. Raises StoreError as soon as the store does not answer, and at the end if
    anything was left for another reason.
    """
    _sweep(root)
    batches = pending(root)  # before the blobs: whose blob is spooled later is delivered later
    records: list[Record] = []

    def refuse(path: Path, error: EvidenceError) -> None:
        _tell(store, path, path.name, error)
        _refuse(path, error)

    left = deliver_blobs(root, store, refuse)
    for path in batches:
        try:
            batch = read_batch(path)
        except FileNotFoundError:
            continue  # another process delivered it
        except OSError as error:
            left.append(_unreadable(path, error))
            continue
        except EvidenceError as error:
            refuse(path, error)
            continue
        if path.name.startswith(LOST) and _ended_after_all(batch, store):
            path.unlink(missing_ok=True)
            continue
        try:
            records += store.append_many(batch)
        except NotAllowedError as error:
            left.append(error)
            records += _what_is_allowed(path, batch, store)
            continue
        except EvidenceError as error:
            if len(batch) == 1:
                _tell(store, path, path.name, error, batch[0])
                _refuse(path, error)
                continue
            records += _one_by_one(path, batch, store)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            left.append(_unreadable(path, error))
            continue
        _sync_folder(path.parent)
    if left:
        raise left[0]
    return records


def _ended_after_all(batch: Sequence[Evidence], store: EvidenceStore) -> bool:
    """Whether the log has the run that a batch calls lost; not if it may not be read."""
    try:
        return next(iter(store.find(kind="run", run=batch[0].run, limit=1)), None) is not None
    except (IndexError, NotAllowedError):
        return False


def _what_is_allowed(path: Path, batch: Sequence[Evidence], store: EvidenceStore) -> list[Record]:
    """Deliver what this machine may push of a batch; the rest stays pending, in one file.

    A token allows or forbids by kind and actor, so records that share both are tried together.
    """
    groups: dict[tuple[str, str], list[Evidence]] = {}
    for evidence in batch:
        groups.setdefault((evidence.kind, evidence.actor), []).append(evidence)
    if len(groups) == 1:
        return []
    records: list[Record] = []
    later: list[Evidence] = []
    for number, group in enumerate(groups.values()):
        try:
            records += store.append_many(group)
        except NotAllowedError:
            later += group
        except EvidenceError:
            records += _one_by_one(path, group, store, first=1000 * number)
    if len(later) < len(batch):
        if later:
            _write(path.parent, f"{path.stem}-later", batch_content(later, "not allowed"))
        with contextlib.suppress(OSError):  # else it is delivered again, which stores nothing twice
            path.unlink(missing_ok=True)
    return records


def _one_by_one(
    path: Path, batch: Sequence[Evidence], store: EvidenceStore, *, first: int = 0
) -> list[Record]:
    """Deliver what the store takes of a refused batch; the rest is set aside, each by itself."""
    records: list[Record] = []
    for number, evidence in enumerate(batch, first):
        name = f"{path.stem}-{number:05d}"
        try:
            records += store.append_many([evidence])
        except EvidenceError as error:
            _tell(store, path, name, error, evidence)
            _note(path.with_name(name + _REASON), error)
            _write(path.parent, name, _aside(evidence), suffix=_SET_ASIDE)
    return records


def _aside(evidence: Evidence) -> bytes:
    """A file of one record that no log takes; so it is written as it is, not in canonical form."""
    header = json.dumps({"aims_spool": FORMAT, "spooled_at": now(), "reason": "refused"})
    return f"{header}\n{json.dumps(evidence.to_statement())}\n".encode()


def _tell(
    store: EvidenceStore,
    path: Path,
    name: str,
    error: EvidenceError,
    evidence: Evidence | None = None,
) -> None:
    """Put on record that something will never be delivered; raises StoreError.

    The same file gives the same record, so telling it again after a crash changes nothing. What the
    file says may be anything, so only the class of the error and the file's name are told.
    """
    try:
        at = stamp(datetime.fromtimestamp(path.lstat().st_mtime, UTC))
    except (OSError, ValueError, OverflowError):
        at = now()
    shown = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    gap = Evidence(
        kind="gap",
        subjects=(*(evidence.subjects[:1] if evidence else ()), Subject.of_name(f"spool:{shown}")),
        body={
            "where": f"spool: {evidence.kind}" if evidence else "spool",
            "error": type(error).__name__,
            "message": "evidence was refused for good and set aside; see: aims push",
        },
        actor=evidence.actor if evidence else "aims-mlops",
        claimed_at=at,
        system=evidence.system if evidence else None,
        run=evidence.run if evidence else None,
    )
    plain = Evidence(
        kind="gap",
        subjects=gap.subjects[-1:],
        body=gap.body,
        actor="aims-mlops",
        claimed_at=at,
    )
    for gap_or_less in (
        gap,
        plain,
    ):  # what was refused may name a run or a system that no log takes
        try:
            store.append(gap_or_less, key=f"spool-refused:{shown}")
        except (EvidenceConflictError, NotAllowedError):
            return  # told before, or this machine may not tell
        except EvidenceError:
            continue
        return


def _refuse(path: Path, error: EvidenceError) -> None:
    """Set a whole batch aside; another process may have done so just now."""
    aside = path.with_suffix(_SET_ASIDE)
    if os.path.lexists(aside):
        aside = path.with_name(f"{path.stem}-{uuid.uuid4().hex[:8]}{_SET_ASIDE}")
    _note(aside.with_suffix(_REASON), error)
    with contextlib.suppress(OSError):
        path.rename(aside)


def _note(path: Path, error: EvidenceError) -> None:
    with contextlib.suppress(OSError):  # without room for the reason the rest still moves on
        path.write_text(
            " ".join(f"{type(error).__name__}: {error}".split()) + "\n", encoding="utf-8"
        )


def _unreadable(path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the spooled batch {path} cannot be used now",
        got=error.strerror or type(error).__name__,
        next_step="make the file and its folder readable and writable for this user: aims push",
    )


def read_batch(path: Path) -> list[Evidence]:
    """The evidence of one file; EvidenceFormatError if it is damaged or of a newer format."""
    header, *lines = _content_of(path).splitlines() or [b""]
    try:
        version = parse(header)["aims_spool"]
    except (EvidenceFormatError, KeyError, TypeError) as error:
        raise EvidenceFormatError(f"{path.name} is not a spooled batch") from error
    if type(version) is not int or version != FORMAT:
        raise EvidenceFormatError(
            f"{path.name} was spooled by another version",
            got=f"format {str(version)[:20]}",
            expected=f"format {FORMAT}",
            next_step="deliver it with the version of aims-mlops that wrote it: aims push",
        )
    return [_evidence(line, path.name) for line in lines]


def _evidence(line: bytes, name: str) -> Evidence:
    try:
        return Evidence.from_statement(parse(line))
    except EvidenceError:
        raise
    except Exception as error:
        # Whatever an odd file makes a reader say, it is a fault of this file and of no other.
        raise EvidenceFormatError(
            f"{name} holds a line that is not a statement: {type(error).__name__}"
        ) from error


def _content_of(path: Path) -> bytes:
    """The bytes of a file of our own; a folder, link or pipe of such a name is none."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise EvidenceFormatError(
            f"{path.name} is not a spooled batch", got="a folder, a link or a device"
        )
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    )
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def batch_content(batch: Sequence[Evidence], reason: str) -> bytes:
    """One file of the spool: a header, then a statement a line."""
    header = json.dumps({"aims_spool": FORMAT, "spooled_at": now(), "reason": reason})
    lines = [header.encode(), *map(payload_of_evidence, batch)]
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
    with contextlib.suppress(OSError):  # a file system that cannot sync a folder
        sync_folder(folder)


def _sweep(root: Path) -> None:
    """Remove drafts of processes that died while writing."""
    for folder in spool_folders(root):
        with contextlib.suppress(OSError):
            for draft in (*folder.glob("*.draft"), *drafts_of_blobs(folder)):
                if time.time() - draft.stat().st_mtime > _STALE_SECONDS:
                    draft.unlink(missing_ok=True)
