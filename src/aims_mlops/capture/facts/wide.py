"""Datasets of many columns: digest, rows and schema always fit; the rest goes to a blob."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import rfc8785

from aims_mlops.errors import StoreError
from aims_mlops.evidence.secrets import cleaned

COLUMNS_LIMIT = 2_000  # of one record; more are kept as a blob
_MEDIA_TYPE = "application/json"


def schema_sha256(columns: list[Mapping[str, Any]]) -> str:
    """SHA-256 (hex) over names and types of the columns in order, as canonical JSON."""
    return hashlib.sha256(rfc8785.dumps([[c["name"], c["type"]] for c in columns])).hexdigest()


def shortened(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a dataset without what does not fit; `column_count` and `schema_sha256` do."""
    columns = list(body["columns"])
    return {
        **body,
        "columns": [],
        "profile": None,
        "column_count": len(columns),
        "schema_sha256": schema_sha256(columns),
    }


def kept_details(body: Mapping[str, Any]) -> dict[str, Any]:
    """A reference to columns and profile, kept as a blob of the project's log.

    Where the store is a server, or does not take it now, the blob is spooled and goes with the
    run's batch: no run waits for a server. Raises EvidenceFormatError for more than a blob holds.
    """
    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.disk.spooled_blob import spool_blob
    from aims_mlops.store.remote.delivery import is_remote

    project = find_project()
    details = cleaned({"columns": body["columns"], "profile": body.get("profile")})
    content = json.dumps(details, sort_keys=True, separators=(",", ":")).encode()
    if not is_remote(project.store_url):
        with contextlib.suppress(StoreError):
            return asdict(project.open_store().put_blob(content, media_type=_MEDIA_TYPE))
    return asdict(spool_blob(project.root, content, media_type=_MEDIA_TYPE))
