"""Where the spool of a project lies: in the project, else in the user's state folder."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

FOLDER = Path(".aims") / "spool"


def spool_folders(root: Path) -> tuple[Path, Path]:
    """Where batches of a project may lie: in the project, else in the user's state folder."""
    key = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    return root.absolute() / FOLDER, state_folder() / "aims-mlops" / "spool" / key


def state_folder() -> Path:
    """The user's folder for what must outlive a process, as XDG or Windows names it."""
    named = os.environ.get("XDG_STATE_HOME")
    if named and Path(named).is_absolute():
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".local" / "state"
