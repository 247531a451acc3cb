"""Blobs in a local folder, the name's first two digits as a folder of its own."""

from __future__ import annotations

from pathlib import Path

from aims_mlops.errors import StoreUnavailableError
from aims_mlops.store.blobs.base import checked, digest_of, missing, name_of
from aims_mlops.store.disk.atomic_write import make_folder, sync_folder, write_file


class FolderBlobs:
    """Blobs in a local folder; file and folder are synced before `put` returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.location = str(self._folder)

    def _path(self, name: str) -> Path:
        return self._folder / name_of(name)[:2] / name

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
            raise missing(name, self.location) from None
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
