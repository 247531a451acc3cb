"""A version that was deleted and created again under the same name and number. Pure.

A digest says what a model is, not which registration of it people agreed to. Name and number can be
given twice, the time of creation cannot: where the log names the same name and number with another
time of creation, the version asked about is a later one, and only consent since then counts.

What never had a name when it was agreed to, such as a model approved by its digest, may be
registered afterwards, and copied to other names, as often as people like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aims_mlops.dossier.dossier import Dossier
from aims_mlops.evidence.bodies.consent import ApprovalBody
from aims_mlops.evidence.bodies.decision import DecisionBody
from aims_mlops.evidence.clock import parse
from aims_mlops.evidence.model_reference import ModelReference

# Addresses of servers: what a client calls a registry that the server itself calls otherwise.
_CALLED_OTHERWISE = ("http:", "https:", "aims:", "databricks")


def created_again(dossier: Dossier, model: ModelReference) -> datetime | None:
    """When the version was created, if the log knows its name and number from another creation."""
    if model.name is None or model.version is None or model.created_at is None:
        return None
    created = parse(model.created_at)
    for known in _registrations(dossier):
        if (known.get("name"), str(known.get("version"))) != (model.name, model.version):
            continue
        if known.get("created_at") in (None, model.created_at):
            continue
        if _may_be_one(known.get("registry"), model.registry_address):
            return created
    return None


def _registrations(dossier: Dossier) -> Iterator[Mapping[str, Any]]:
    """Every name, number and time of creation under which the log has met this content."""
    for record in dossier.of_kind("decision"):
        asked = DecisionBody.of(record).request
        if asked is not None and isinstance(asked.get("model"), dict):
            yield asked["model"]
    for record in dossier.of_kind("promotion"):
        yield record.evidence.body
    for record in dossier.of_kind("approval"):
        if (registered := ApprovalBody.of(record).registered) is not None:
            yield registered


def _may_be_one(one: object, other: object) -> bool:
    """Whether two addresses may be of one registry; those of two databases are of two."""
    if not isinstance(one, str) or not isinstance(other, str) or one == other:
        return True
    if one.startswith(_CALLED_OTHERWISE) or other.startswith(_CALLED_OTHERWISE):
        return True
    return _without_driver(one) == _without_driver(other)


def _without_driver(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"
