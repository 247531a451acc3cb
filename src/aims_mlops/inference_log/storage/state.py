"""Where a machine keeps what belongs to its own processes: tallies, and the key of hashes."""

from __future__ import annotations

import os
from pathlib import Path

from aims_mlops.store.disk.spool import spool_folders

FOLDER = "inference-state"


def state_folder(root: Path) -> Path:
    """`.aims/inference-state` of the project, else that of the user's state folder.

    Raises OSError if neither can be written.
    """
    in_project, of_user = spool_folders(root)
    problem: OSError | None = None
    for folder in (in_project.parent / FOLDER, of_user.parent.parent / FOLDER / of_user.name):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if os.access(folder, os.W_OK):
                return folder
        except OSError as error:
            problem = error
    raise problem or PermissionError(f"no folder for {FOLDER} can be written")
