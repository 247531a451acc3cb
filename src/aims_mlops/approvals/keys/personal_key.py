"""A person's own signing key, in a file that only that person can read."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from aims_mlops.errors import GovernanceError, InputError
from aims_mlops.evidence.encoding.envelope import Signer
from aims_mlops.inventory.declared.person import Person
from aims_mlops.inventory.project import Project

KEYS_VARIABLE = "AIMS_KEYS"  # folder with <person>.key
PASSPHRASE_VARIABLE = "AIMS_APPROVER_PASSPHRASE"  # noqa: S105  the name of a variable


@dataclass(frozen=True, slots=True)
class PersonalKey:
    """A person's key. `is_new` says that this call created its file."""

    signer: Signer
    path: Path
    is_new: bool


def keys_folder() -> Path:
    """AIMS_KEYS, else a folder in the user's configuration."""
    if named := os.environ.get(KEYS_VARIABLE):
        return Path(named).expanduser()
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "aims-mlops" / "keys"


def personal_key(person: str, *, create: bool = True) -> PersonalKey:
    """The person's key, created on first use if `create` says so.

    Raises InputError if others can read the file, if it holds no key or needs a passphrase;
    GovernanceError if there is none and none is to be made.
    """
    from aims_mlops.store.disk.key_file import create_key, load_key

    path = _path(person)
    passphrase = os.environ.get(PASSPHRASE_VARIABLE, "")
    if path.exists():
        return PersonalKey(load_key(path, passphrase=passphrase), path, is_new=False)
    if not create:
        raise GovernanceError(
            f"{person} has no signing key here",
            got=f"no file {path}",
            expected="a key that was enrolled, and that another person confirmed",
            next_step=f"{person} runs: aims people enrol --as {person}",
        )
    return PersonalKey(create_key(path, passphrase=passphrase), path, is_new=True)


def renewed_key(person: str) -> tuple[PersonalKey, str | None]:
    """A new key in the place of the person's old one, and the old one's public key (hex).

    The old file is kept beside it under another name.
    """
    path = _path(person)
    if not path.exists():
        return personal_key(person), None
    old = personal_key(person).signer.public.hex()
    path.rename(path.with_name(f"{path.name}.{old[:16]}.retired"))
    return personal_key(person), old


def _path(person: str) -> Path:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@-]{0,127}", person):
        raise InputError("not an id that can have a key", got=repr(person)[:80])
    return keys_folder() / f"{person}.key"


def named_person(project: Project, identity: str) -> Person:
    """The person who would sign; GovernanceError for somebody whom aims.yaml does not name."""
    person = project.person(identity)
    if person is None:
        raise GovernanceError(
            f"{identity!r} is nobody that aims.yaml names under people",
            expected="one of " + (", ".join(p.id for p in project.people) or "nobody yet"),
            next_step="add the person to people in aims.yaml",
        )
    return person
