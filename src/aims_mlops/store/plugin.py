"""The built-in evidence stores, registered like a third party's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aims_mlops.plugins import hookimpl

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


@hookimpl
def register_evidence_stores() -> Mapping[str, Callable[[str], EvidenceStore]]:
    """SQLite and PostgreSQL."""
    from aims_mlops.store.opening import SQL_SCHEMES, open_sql_store

    return dict.fromkeys(SQL_SCHEMES, open_sql_store)
