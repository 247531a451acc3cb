"""The digest of a file or a folder: SHA-256 over a manifest of per-file SHA-256 digests.

docs/digests.md defines the manifest and says how it relates to OpenSSF model signing.
"""

from __future__ import annotations

import hashlib
import html
import os
import stat
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from aims_mlops.errors import InputError
from aims_mlops.evidence.model_reference import FileDigest

SCHEME = "aims-files-v1"

# MLflow writes this file into a model that it downloads from its registry, so the same model
# would have two digests if it counted.
LEFT_OUT = frozenset({"registered_model_meta"})

_READ_BYTES = 1 << 20
_THREADS = 2


@dataclass(frozen=True, slots=True, repr=False)
class FilesFingerprint:
    """The digest of a file or folder.

    sha256 : hex, over the manifest.  files : in order of path.  size : bytes of all files.
    """

    sha256: str
    files: tuple[FileDigest, ...]
    size: int
    scheme: str = SCHEME

    def to_dict(self) -> dict[str, Any]:
        """Digest, size and files as JSON values."""
        return {
            "scheme": self.scheme,
            "sha256": self.sha256,
            "size_bytes": self.size,
            "files": [
                {"path": file.path, "size": file.size, "sha256": file.sha256} for file in self.files
            ],
        }

    def to_body(self) -> dict[str, Any]:
        """The fields that evidence of kind `model` or `dataset` takes."""
        return self.to_dict()

    def __repr__(self) -> str:
        return (
            f"FilesFingerprint({self.sha256[:16]}…, {len(self.files)} files, {self.size} bytes, "
            f"{self.scheme})"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(file.path)}</td><td>{file.size}</td>"
            f"<td><code>{file.sha256[:16]}</code></td></tr>"
            for file in self.files
        )
        return (
            f"<p><b>{html.escape(self.scheme)}</b> <code>{self.sha256}</code></p>"
            "<table><thead><tr><th>file</th><th>bytes</th><th>SHA-256</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )


def fingerprint_files(
    path: str | Path, *, leave_out: Collection[str] = LEFT_OUT, threads: int = _THREADS
) -> FilesFingerprint:
    """The digest of one file, or of every file below a folder, whatever it holds.

    leave_out : names of files directly in the folder that do not count.
    Names and contents count; times, owners, permissions and empty folders do not. Raises
    InputError for a path that is not there, a symbolic link or special file anywhere below it, a
    file name that is not UTF-8, and a file that changes or goes away while it is read. The path
    itself may be a symbolic link; an empty folder has a digest too.
    """
    root = Path(path)
    try:
        if not root.exists():
            raise InputError(
                f"no file or folder at {str(root)!r}",
                next_step="check the path; it is read as given",
            )
        if not (root.is_file() or root.is_dir()):
            raise InputError(f"{str(root)!r} is a special file", expected="a file or a folder")
        found = [(root.name, root.resolve())] if root.is_file() else list(_walk(root, leave_out))
        with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
            files = list(pool.map(lambda entry: _digest(*entry), found))
    except OSError as error:
        raise InputError(
            f"{str(root)!r} cannot be read",
            got=f"{type(error).__name__}: {error.strerror}",
            next_step="make every file below it readable",
        ) from error
    return fingerprint_of(files)


def fingerprint_of(files: Iterable[FileDigest]) -> FilesFingerprint:
    """The fingerprint of files whose digests are known, such as from a remote listing."""
    listed = tuple(sorted(files, key=lambda file: file.path.encode()))
    manifest: dict[str, Any] = {
        "scheme": SCHEME,
        "files": [{"path": f.path, "size": f.size, "sha256": f.sha256} for f in listed],
    }
    digest = hashlib.sha256(rfc8785.dumps(manifest)).hexdigest()
    return FilesFingerprint(digest, listed, sum(file.size for file in listed))


def _walk(root: Path, leave_out: Collection[str]) -> Iterable[tuple[str, Path]]:
    for folder, folders, names in os.walk(root, onerror=_raise):
        for name in (*folders, *names):
            entry = Path(folder, name)
            mode = entry.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            relative = entry.relative_to(root).as_posix()
            if not stat.S_ISREG(mode):
                kind = "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
                raise InputError(
                    f"{relative!r} is {kind}",
                    expected="regular files, because a digest of a link says nothing of its target",
                    next_step="copy the file in place of the link",
                )
            if relative in leave_out:
                continue
            try:
                relative.encode()
            except UnicodeEncodeError:
                raise InputError(
                    f"a file name below {root.name!r} is not UTF-8",
                    next_step="rename the file",
                ) from None
            yield relative, entry


def _raise(error: OSError) -> None:
    raise error


def _digest(relative: str, path: Path) -> FileDigest:
    running = hashlib.sha256()
    size = 0
    # A link put in the file's place after the walk is refused here, as ELOOP.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        expected = os.fstat(file.fileno()).st_size
        buffer = memoryview(bytearray(min(_READ_BYTES, expected) or 1))
        while count := file.readinto(buffer):
            running.update(buffer[:count])
            size += count
    if size != expected:
        raise InputError(
            f"{relative!r} changed while it was read",
            got=f"{size} bytes",
            expected=f"{expected} bytes",
            next_step="try again when nothing writes to it",
        )
    return FileDigest(relative, size, running.hexdigest())
