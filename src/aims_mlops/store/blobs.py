"""Content-addressed blobs: in a folder by default, in an object store by URL through fsspec.

The name of a blob is the SHA-256 of its stored bytes, two digits as a folder. Reading always checks
the bytes against the name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from aims_mlops.errors import (
    EvidenceFormatError,
    EvidenceNotFoundError,
    InputError,
    MissingExtraError,
    StoreUnavailableError,
    VerificationError,
)
from aims_mlops.evidence.limits import MAX_BLOB_BYTES
from aims_mlops.store.blob_guarantees import PUT_IF_ABSENT, require
from aims_mlops.store.durable import make_folder, sync_folder, write_file

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Blobs(Protocol):
    """Where blobs are kept; names are SHA-256 in hex."""

    location: str

    def put(self, content: bytes) -> str: ...

    def get(self, name: str) -> bytes: ...

    def delete(self, name: str) -> bool: ...

    def exists(self, name: str) -> bool: ...


def open_blobs(location: str | Path, *, required: Iterable[str] = ()) -> Blobs:
    """Blobs in a local folder, or wherever a URL (s3://, gs://, abfs://) leads.

    required : of `blob_guarantees.GUARANTEES`; each is tried out on the store, and
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


def digest_of(content: bytes) -> str:
    """The name of a blob; raises EvidenceFormatError if it is over the limit."""
    if len(content) > MAX_BLOB_BYTES:
        raise EvidenceFormatError(
            "a blob is too large",
            got=f"{len(content)} bytes",
            expected=f"at most {MAX_BLOB_BYTES} bytes",
        )
    return hashlib.sha256(content).hexdigest()


def checked(name: str, content: bytes) -> bytes:
    """The content, if it is what its name says; raises VerificationError."""
    found = hashlib.sha256(content).hexdigest()
    if found != name:
        raise VerificationError(
            f"the blob {name[:16]} is not what was stored",
            got=f"bytes with digest {found[:16]}",
            next_step="restore the blob from a backup",
        )
    return content


def _name(name: str) -> str:
    if not _DIGEST.match(name):
        raise EvidenceFormatError(
            "not the digest of a blob", got=repr(name)[:80], expected="64 lower-case hex digits"
        )
    return name


def _missing(name: str, location: str) -> EvidenceNotFoundError:
    return EvidenceNotFoundError(f"no blob {name[:16]} in {location}")


class FolderBlobs:
    """Blobs in a local folder; file and folder are synced before `put` returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.location = str(self._folder)

    def _path(self, name: str) -> Path:
        return self._folder / _name(name)[:2] / name

    def put(self, content: bytes) -> str:
        """Store the bytes and return their name; raises StoreUnavailableError."""
        name = digest_of(content)
        path = self._path(name)
        try:
            # A damaged file under this name is replaced: its bytes are not the blob's.
            if not path.exists() or path.read_bytes() != content:
                make_folder(path.parent)
                write_file(path, content, mode=0o640)
            else:
                sync_folder(path.parent)
        except OSError as error:
            raise self._unavailable(error) from error
        return name

    def get(self, name: str) -> bytes:
        """The bytes; raises EvidenceNotFoundError, VerificationError, StoreUnavailableError."""
        try:
            content = self._path(name).read_bytes()
        except FileNotFoundError:
            raise _missing(name, self.location) from None
        except OSError as error:
            raise self._unavailable(error) from error
        return checked(name, content)

    def delete(self, name: str) -> bool:
        """Remove a blob; whether it was there."""
        path = self._path(name)
        try:
            path.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unavailable(error) from error
        return True

    def exists(self, name: str) -> bool:
        """Whether a blob is there; its bytes are not looked at."""
        return self._path(name).exists()

    def _unavailable(self, error: OSError) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the blob folder {self.location} is not usable", got=error.strerror or str(error)
        )


class ObjectBlobs:
    """Blobs behind an fsspec URL.

    only_if_absent : write with a condition, so that the server never replaces a blob.
    """

    def __init__(self, url: str, *, only_if_absent: bool = False) -> None:
        import fsspec

        self._only_if_absent = only_if_absent

        self.location = url.split("?", 1)[0].rstrip("/")
        try:
            self.files, self.root = fsspec.core.url_to_fs(self.location)
        except ImportError as error:
            scheme = url.split("://", 1)[0]
            raise MissingExtraError(
                f"a blob store at {scheme}://", library=str(error)[:80], extra="all"
            ) from error
        except ValueError as error:
            raise InputError(f"the blob store's URL cannot be read: {error}") from error

    def _path(self, name: str) -> str:
        return f"{self.root}/{_name(name)[:2]}/{name}"

    def put(self, content: bytes) -> str:
        """Store the bytes and return their name; raises StoreUnavailableError."""
        name = digest_of(content)
        if not getattr(self.files, "async_impl", False):
            # An object store has no folders; asked for one, some would make a bucket.
            self.attempt(self.files.makedirs, f"{self.root}/{name[:2]}", exist_ok=True)
        if not self._only_if_absent:
            self.write(self._path(name), content)
        elif not self.exists(name):
            try:
                self.write(self._path(name), content, mode="create")
            except StoreUnavailableError:
                if not self.exists(name):  # else another writer was first, with the same bytes
                    raise
        self.get(name)  # what is there is what was meant; raises otherwise
        return name

    def get(self, name: str) -> bytes:
        """The bytes; raises EvidenceNotFoundError, VerificationError, StoreUnavailableError."""
        try:
            content = self.attempt(self.files.cat_file, self._path(name))
        except FileNotFoundError:
            raise _missing(name, self.location) from None
        return checked(name, content)

    def delete(self, name: str) -> bool:
        """Remove a blob; whether it was there."""
        try:
            self.attempt(self.files.rm_file, self._path(name))
        except FileNotFoundError:
            return False
        return True

    def exists(self, name: str) -> bool:
        """Whether a blob is there; its bytes are not looked at."""
        return bool(self.attempt(self.files.exists, self._path(name)))

    def write(self, path: str, content: bytes, **options: Any) -> None:
        """Write an object; raises StoreUnavailableError, also for a bucket that is not there."""
        try:
            self.attempt(self.files.pipe_file, path, content, **options)
        except FileNotFoundError as error:
            raise StoreUnavailableError(
                f"the blob store {self.location} is not there", got=str(error)[:200]
            ) from error

    def attempt(self, action: Any, *args: Any, **options: Any) -> Any:
        """Call the file system; its errors become StoreUnavailableError."""
        try:
            return action(*args, **options)
        except FileNotFoundError:
            raise
        except Exception as error:
            # Each object store's library has errors of its own, without a common base.
            raise StoreUnavailableError(
                f"the blob store {self.location} is not usable",
                got=f"{type(error).__name__}: {error}"[:200],
            ) from error
