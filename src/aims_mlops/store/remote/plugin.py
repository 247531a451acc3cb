"""Evidence stores behind http:// and https://, registered like a third party's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aims_mlops.plugins import hookimpl

if TYPE_CHECKING:
    from aims_mlops.evidence.store import EvidenceStore


@hookimpl
def register_evidence_stores() -> Mapping[str, Callable[[str], EvidenceStore]]:
    """A store on another machine, served by `aims serve`."""
    from aims_mlops.store.remote.client import RemoteStore

    return {"http": RemoteStore, "https": RemoteStore}
