"""What happened to the log itself."""

from __future__ import annotations

from aims_mlops.evidence.bodies.body import (
    Body,
    Must,
    Objects,
    Sha256,
    body_of,
)


@body_of("anchor")
class AnchorBody(Body, frozen=True):
    """A checkpoint of the log that was given to an outsider."""

    checkpoint: Must[str] = None
    size: Must[int] = None
    method: str | None = None
    place: str | None = None


@body_of("clock-change")
class ClockChangeBody(Body, frozen=True):
    """The log's clock was set back, with the reason."""

    before: Must[str] = None
    after: Must[str] = None
    reason: Must[str] = None


@body_of("erasure")
class ErasureBody(Body, frozen=True):
    """Content that was erased, its commitment kept."""

    blobs: Must[Objects] = None
    commitment: Must[str] = None
    reason: Must[str] = None


@body_of("hold-release")
class HoldReleaseBody(Body, frozen=True):
    """The end of a hold."""

    hold: Must[Sha256] = None
    reason: Must[str] = None


@body_of("hold")
class HoldBody(Body, frozen=True):
    """Content that must not be erased."""

    reason: Must[str] = None


@body_of("key-revocation")
class KeyRevocationBody(Body, frozen=True):
    """A log key that is in doubt from a record on."""

    key_id: Must[Sha256] = None
    since: Must[int] = None
    reason: Must[str] = None


@body_of("key-rotation")
class KeyRotationBody(Body, frozen=True):
    """The log's key handing over to the next."""

    key_id: Must[Sha256] = None
    public: Must[str] = None
    previous: Must[Sha256] = None
    reason: Must[str] = None


@body_of("retention")
class RetentionBody(Body, frozen=True):
    """Content that was pruned at the end of its time."""

    blobs: Must[Objects] = None
    older_than_days: Must[int] = None
    received_before: Must[str] = None
