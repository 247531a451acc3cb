"""What a model is to us: its content first, the names it goes by second."""

from __future__ import annotations

from dataclasses import dataclass

from aims_mlops.evidence.records import Subject


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a model or dataset: POSIX path relative to the root, bytes, SHA-256 (hex)."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """A model found under a URI.

    uri : as it was asked for, such as 'models:/diabetes-risk/2'.
    sha256 : content digest over the manifest of `files` (see docs/digests.md).
    name, version : of the registered model, where there is one.
    created_at, source, run : of the registered version; they tell a version that was deleted and
        re-created under the same number from the one that was approved.
    registry : where an alias of it can be set; None for a path or a bare digest.
    """

    uri: str
    sha256: str
    files: tuple[FileDigest, ...] = ()
    name: str | None = None
    version: str | None = None
    created_at: str | None = None
    source: str | None = None
    run: str | None = None
    registry: str | None = None

    @property
    def subject(self) -> Subject:
        """The subject under which evidence about this model is found."""
        return Subject(f"model:{self.name or self.uri}", self.sha256)

    @property
    def registry_address(self) -> str | None:
        """`registry` without user, password and query, as records and messages may hold it."""
        if self.registry is None or "://" not in self.registry:
            return self.registry
        scheme, _, rest = self.registry.partition("?")[0].partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
