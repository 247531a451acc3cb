"""Blobs in an object store by URL (s3://, gs://, abfs://), through fsspec."""

from __future__ import annotations

from typing import Any

from aims_mlops.errors import InputError, MissingExtraError, StoreUnavailableError
from aims_mlops.store.blobs.base import checked, digest_of, missing, name_of


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
        return f"{self.root}/{name_of(name)[:2]}/{name}"

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
            raise missing(name, self.location) from None
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
