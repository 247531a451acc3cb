"""Who is acting: one stable id however a person happens to be logged in."""

from __future__ import annotations

import getpass
import os
import subprocess
from functools import cache

from aims_mlops.inventory.declared.person import pseudonym
from aims_mlops.inventory.project import Project

ACTOR_VARIABLE = "AIMS_ACTOR"


def current_actor(project: Project) -> str:
    """The stable id of whoever acts: AIMS_ACTOR, else git's user.email, else the system's user.

    An identity that is known under `people` gives that person's id. An unknown one is returned as
    it is where AIMS_ACTOR says it; an address or a user name that was only found becomes a
    pseudonym, so that no personal data gets into evidence unasked. It is a claim; only a signature
    proves it.
    """
    said = os.environ.get(ACTOR_VARIABLE, "").strip()
    claimed = said or _git_email(str(project.root)) or _system_user()
    person = project.person(claimed)
    if person is not None:
        return person.id
    return said or pseudonym(claimed)


@cache
def _git_email(folder: str) -> str:
    try:
        found = subprocess.run(
            ["git", "config", "--get", "user.email"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's uid without a name
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
