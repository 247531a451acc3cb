"""Blobs by their place, and what that must be able to do, tried out before the log is opened.

`put-if-absent`: the server refuses to write a name twice, so that two writers cannot replace each
other's bytes. `write-once`: what is written can be neither replaced nor deleted, also by us.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aims_mlops.errors import InputError, StoreUnavailableError
from aims_mlops.store.blobs.base import Blobs
from aims_mlops.store.blobs.folder import FolderBlobs
from aims_mlops.store.blobs.objects import ObjectBlobs

PUT_IF_ABSENT = "put-if-absent"
WRITE_ONCE = "write-once"
GUARANTEES = (PUT_IF_ABSENT, WRITE_ONCE)


def read_requirements(text: str) -> frozenset[str]:
    """Names with commas between them; raises InputError for one that is not known."""
    wanted = frozenset(word.strip() for word in text.split(",") if word.strip())
    unknown = sorted(wanted - set(GUARANTEES))
    if unknown:
        raise InputError(
            "not something that a store of blobs can be required to do",
            got=", ".join(map(repr, unknown)),
            expected=", ".join(GUARANTEES),
        )
    return wanted


def open_blobs(location: str | Path, *, required: Iterable[str] = ()) -> Blobs:
    """Blobs in a local folder, or wherever a URL (s3://, gs://, abfs://) leads.

    required : of `GUARANTEES`; each is tried out on the store, and
        StoreUnavailableError raised where it lacks.
    """
    text = str(location)
    wanted = frozenset(required)
    blobs: Blobs
    if "://" not in text:
        blobs = FolderBlobs(Path(text))
    elif text.startswith("file://"):
        blobs = FolderBlobs(Path(text.removeprefix("file://")))
    else:
        blobs = ObjectBlobs(text, only_if_absent=PUT_IF_ABSENT in wanted)
    require(blobs, wanted)
    return blobs


def require(blobs: Blobs, wanted: Iterable[str]) -> None:
    """Try out each guarantee on the store itself; raises StoreUnavailableError if one lacks.

    A few bytes under `probe/` are written; where they cannot be deleted, that was the question.
    """
    for guarantee in sorted(wanted):
        if not isinstance(blobs, ObjectBlobs):
            # A folder: a link is made only where no file is; but its owner may delete anything.
            lacks = guarantee == WRITE_ONCE
        elif guarantee == PUT_IF_ABSENT:
            lacks = not _puts_if_absent(blobs)
        else:
            lacks = not _writes_once(blobs)
        if lacks:
            raise StoreUnavailableError(
                f"the blob store {blobs.location} lacks {guarantee}, which is required",
                got="a second write or a deletion went through"
                if guarantee == WRITE_ONCE
                else "a name could be written twice",
                next_step="use a store that has it (S3 with Object Lock), or unset "
                "AIMS_BLOBS_REQUIRE",
            )


def _puts_if_absent(blobs: ObjectBlobs) -> bool:
    from fsspec import AbstractFileSystem

    files = blobs.files
    asks_the_server = getattr(files, "async_impl", False)  # these make pipe_file themselves
    if type(files).pipe_file is AbstractFileSystem.pipe_file and not asks_the_server:
        return False  # fsspec would look first and then write, which two writers get past
    path = _probe(blobs)
    blobs.write(path, b"first", mode="create")
    try:
        with contextlib.suppress(Exception):  # each store refuses in its own words
            files.pipe_file(path, b"second", mode="create")
        return bool(blobs.attempt(files.cat_file, path) == b"first")
    finally:
        _tidy(files, path)


def _writes_once(blobs: ObjectBlobs) -> bool:
    files = blobs.files
    path = _probe(blobs)
    blobs.write(path, b"first")
    if hasattr(files, "call_s3"):
        return _keeps_versions(blobs, path)
    with contextlib.suppress(Exception):
        files.pipe_file(path, b"second")
    with contextlib.suppress(Exception):
        files.rm_file(path)
    try:
        return bool(files.cat_file(path) == b"first")
    except FileNotFoundError:
        return False
    finally:
        _tidy(files, path)


def _keeps_versions(blobs: ObjectBlobs, path: str) -> bool:
    """S3 with Object Lock: a new version may hide the first one, which cannot be deleted."""
    bucket, _, key = path.partition("/")
    call = blobs.files.call_s3
    written = blobs.attempt(call, "put_object", Bucket=bucket, Key=key, Body=b"first")
    version = written.get("VersionId")
    if not version:
        return False
    with contextlib.suppress(Exception):
        call("delete_object", Bucket=bucket, Key=key, VersionId=version)
    try:
        call("head_object", Bucket=bucket, Key=key, VersionId=version)
    except Exception:  # noqa: BLE001  gone, or hidden from us: either way not kept for us
        return False
    return True


def _probe(blobs: ObjectBlobs) -> str:
    return f"{blobs.root}/probe/{secrets.token_hex(8)}"


def _tidy(files: Any, path: str) -> None:
    with contextlib.suppress(Exception):
        files.rm_file(path)
