"""A person's key written into aims.yaml, where it is reviewed like everything else there."""

from __future__ import annotations

import re
from pathlib import Path

from aims_mlops.errors import AimsError, InputError
from aims_mlops.inventory.project import read_settings


def list_key(path: Path, person: str, key: str) -> None:
    """Add a public key (hex) to a person of aims.yaml; comments and layout stay.

    Raises InputError, with the line to add by hand, if the place is not found; the file then is as
    it was.
    """
    text = path.read_text(encoding="utf-8")
    id_ = re.escape(person)
    quoted = rf"""(?:{id_}|"{id_}"|'{id_}')"""
    entry = f"{{public_key: {key}}}"
    block = re.compile(rf"^(?P<lead>[ ]*-[ ]+)id:[ ]*{quoted}[ ]*(?:#.*)?$", re.MULTILINE)
    flow = re.compile(
        rf"^(?P<lead>[ ]*-[ ]+\{{[ ]*id:[ ]*{quoted})[ ]*(?P<end>[,}}])", re.MULTILINE
    )
    candidates = [
        *(
            f"{text[: m.end()]}\n{' ' * len(m['lead'])}keys: [{entry}]{text[m.end() :]}"
            for m in block.finditer(text)
        ),
        *(
            f"{text[: m.end('lead')]}, keys: [{entry}]{text[m.start('end') :]}"
            for m in flow.finditer(text)
        ),
    ]
    for candidate in candidates:
        path.write_text(candidate, encoding="utf-8")
        if _lists(path, person, key):
            return
        path.write_text(text, encoding="utf-8")
    raise InputError(
        f"{path} has no place for a key of {person} that can be found",
        expected="an entry of its own under people, without keys",
        next_step=f"add it by hand, at {person}: keys: [{entry}]",
    )


def _lists(path: Path, person: str, key: str) -> bool:
    try:
        people = read_settings(path).people
    except AimsError:
        return False
    return any(p.id == person and key in [k.public_key for k in p.keys] for p in people)
