"""Blobs that wait for the store, in a folder beside the spooled batches that refer to them.

One file is one blob: a header line with its media type, then its bytes; its name is the digest of
the bytes. A blob is written before the batch that refers to it and delivered before it, so that no
log has a record whose blob is still to come. The same blob delivered twice changes nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aims_mlops.errors import (
    EvidenceError,
    EvidenceFormatError,
    NotAllowedError,
    StoreError,
    StoreUnavailableError,
)
from aims_mlops.evidence.encoding.canonical import parse
from aims_mlops.evidence.encoding.limits import MAX_SENT_BLOB_BYTES
from aims_mlops.evidence.store import BlobReference
from aims_mlops.store.disk.atomic_write import make_folder, write_file
from aims_mlops.store.disk.spool_place import spool_folders

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore

__all__ = ["FOLDER", "deliver_blobs", "drafts_of_blobs", "spool_blob"]

FOLDER = "blobs"  # in each folder of the spool
FORMAT = 1
_SUFFIX = ".blob"


def spool_blob(root: Path, content: bytes, *, media_type: str) -> BlobReference:
    """Keep a blob for later and return what evidence refers to it by; durable when this returns.

    root : the project's folder; the blob lies where its batches lie.
    Raises EvidenceFormatError for more bytes than a server takes, StoreUnavailableError if no
    folder can be written.
    """
    if len(content) > MAX_SENT_BLOB_BYTES:
        raise EvidenceFormatError(
            "a blob is too large for the spool",
            got=f"{len(content)} bytes",
            expected=f"at most {MAX_SENT_BLOB_BYTES} bytes",
        )
    digest = hashlib.sha256(content).hexdigest()
    header = json.dumps({"aims_blob": FORMAT, "media_type": media_type}).encode()
    problems: list[str] = []
    for folder in spool_folders(root):
        try:
            make_folder(folder / FOLDER, mode=0o700)
            path = folder / FOLDER / f"{digest}{_SUFFIX}"
            write_file(path, header + b"\n" + content, mode=0o600)
        except OSError as error:
            problems.append(f"{folder}: {error.strerror or type(error).__name__}")
        else:
            return BlobReference(digest, len(content), media_type)
    raise StoreUnavailableError(
        "a blob could be written neither to the store nor to the spool",
        got="; ".join(problems),
        next_step="make one of these folders writable, or set XDG_STATE_HOME to one that is",
    )


def deliver_blobs(
    root: Path, store: EvidenceStore, refuse: Callable[[Path, EvidenceError], None]
) -> list[StoreError]:
    """Put every spooled blob into the store; returns what kept one waiting.

    refuse : told of a file that is no blob, and of one that the store will never take.
    Raises StoreError as soon as the store does not answer.
    """
    left: list[StoreError] = []
    for path in _files(root):
        try:
            media_type, content = _read(path)
            store.put_blob(content, media_type=media_type)
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # another process delivered it
        except NotAllowedError as error:
            left.append(error)
        except EvidenceError as error:
            refuse(path, error)
        except OSError as error:
            left.append(_unreadable(path, error))
    return left


def _files(root: Path) -> Iterator[Path]:
    for folder in spool_folders(root):
        with contextlib.suppress(OSError):
            paths = [path for path in (folder / FOLDER).iterdir() if path.suffix == _SUFFIX]
            yield from sorted(paths)


def drafts_of_blobs(folder: Path) -> list[Path]:
    """What `write_file` had begun in a folder of the spool and not renamed yet."""
    return list((folder / FOLDER).glob(f".*{_SUFFIX}.*"))


def _read(path: Path) -> tuple[str, bytes]:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        header, _, content = file.read().partition(b"\n")
    try:
        found = parse(header)
        version, media_type = found["aims_blob"], found["media_type"]
    except (EvidenceFormatError, KeyError, TypeError) as error:
        raise EvidenceFormatError(f"{path.name} is not a spooled blob") from error
    if version != FORMAT or not isinstance(media_type, str):
        raise EvidenceFormatError(f"{path.name} was spooled by another version")
    if hashlib.sha256(content).hexdigest() != path.stem:
        raise EvidenceFormatError(f"{path.name} does not hold what its name says")
    return media_type, content


def _unreadable(path: Path, error: OSError) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the spooled blob {path} cannot be used now",
        got=error.strerror or type(error).__name__,
        next_step="make the file and its folder readable and writable for this user: aims push",
    )
