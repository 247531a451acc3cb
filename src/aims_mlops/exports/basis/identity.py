"""Ids and bytes that are the same wherever and whenever a log position is exported."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from aims_mlops.visible import MARK, escaped, visible

# Every id of an export is derived from this one and from what it is the id of.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:aims-mlops:exports")
_NOT_XML = re.compile("[\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which strict readers refuse


def uuid_of(*parts: str) -> str:
    """A UUIDv5 over the parts; no two lists of parts give the same text to hash."""
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts)))


def json_text(value: Any) -> str:
    """JSON with sorted keys and nothing that hides or reorders text; ends with a line end."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return escaped(_SURROGATE.sub(MARK, text)) + "\n"


def json_line(value: Any) -> str:
    """The same on one line."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return escaped(_SURROGATE.sub(MARK, text)) + "\n"


def xml_text(text: str) -> str:
    """Text that XML 1.0 may hold: what hides or is no character shows as a replacement mark."""
    return _NOT_XML.sub(MARK, visible(text))
