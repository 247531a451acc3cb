"""Files that survive a power cut: written aside, synced, renamed, and the folder synced too."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Create a folder and its parents; the new names are synced."""
    missing = []
    current = folder
    while not current.exists():
        missing.append(current)
        current = current.parent
    for path in reversed(missing):
        path.mkdir(mode=mode, exist_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; nothing where folders cannot be opened (Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, content: bytes, *, mode: int = 0o666, replace: bool = True) -> bool:
    """Write a whole file or none of it; durable when this returns.

    replace : False leaves a file that exists alone; the first of several writers wins.
    Returns whether this call wrote it. Raises OSError.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(handle, view) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        if replace:
            aside.replace(path)
        else:
            try:
                os.link(aside, path)
            except FileExistsError:
                return False
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True
