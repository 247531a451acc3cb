"""A run and what surrounded it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from aims_mlops.evidence.bodies.body import (
    Body,
    Must,
    MustOrNull,
    Number,
    Object,
    Objects,
    body_of,
    says,
)


@body_of("code")
class CodeBody(Body, frozen=True):
    """Commit, dirty flag and source digest of a run."""

    commit: str | None = None
    diff_sha256: str | None = None
    dirty: bool | None = None
    qualified_name: str | None = None
    remote: Any = None
    source_sha256: str | None = None


@body_of("environment")
class EnvironmentBody(Body, frozen=True):
    """Packages, platform and hardware of a run."""

    python: Must[str] = None
    platform: Must[str] = None
    packages: Must[Object] = None
    plugins: Must[Objects] = None
    cpu: Object | None = None
    gpu: Objects | None = None
    implementation: str | None = None
    memory_bytes: int | None = None


@body_of("gap")
class GapBody(Body, frozen=True):
    """Something that could not be captured."""

    where: Must[str] = None
    error: Must[str] = None
    message: str | None = None


@body_of("parameters")
class ParametersBody(Body, frozen=True):
    """Parameters of a run, secrets scrubbed."""

    parameters: Must[Object] = None
    left_out: Must[Object] = None


@body_of("run", 2)
class RunBody(Body, frozen=True):
    """A run, also one that was lost."""

    schema_title: ClassVar[str | None] = "a run, also one that was lost"

    activity: Must[str] = None
    name: Must[str] = None
    status: Must[Annotated[str, says(enum=["finished", "failed", "lost"])]] = None
    started_at: Must[str] = None
    ended_at: MustOrNull[str] = None
    duration_seconds: MustOrNull[Number] = None
    links: Must[Object] = None
    gaps: Must[Objects] = None
    error: Any = None
    parent: Any = None
    tags: Object | None = None


@body_of("run")
class RunBodyV1(RunBody, frozen=True):
    """A run that came to its end."""

    schema_title: ClassVar[str | None] = None

    status: Must[Annotated[str, says(enum=["finished", "failed"])]] = None
    ended_at: Must[str] = None
    duration_seconds: Must[Number] = None
