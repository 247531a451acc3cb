"""What one piece of evidence is, before and after it is in the log."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence.kinds import controls_of

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_PREFIX = "urn:aims-mlops:evidence"

_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_PREDICATE = re.compile(rf"{PREDICATE_PREFIX}:([a-z][a-z0-9-]{{0,63}}):v([1-9][0-9]{{0,3}})\Z")

_PREDICATE_FIELDS = ("system", "run", "actor", "claimed_at", "controls", "body")


@dataclass(frozen=True, slots=True)
class Subject:
    """What evidence is about: a SHA-256 digest (64 hex digits) first, a name second."""

    name: str
    sha256: str

    def __post_init__(self) -> None:
        if not _HEX64.match(self.sha256):
            raise EvidenceFormatError(
                f"subject {self.name!r} has no usable digest",
                got=f"{len(self.sha256)} characters",
                expected="64 lower-case hex digits of SHA-256",
            )

    @classmethod
    def of_name(cls, name: str) -> Subject:
        """A subject without content of its own (a run, a system): the digest of its name."""
        return cls(name, hashlib.sha256(name.encode()).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One statement about subjects, not yet in a log.

    kind, version : which schema the body follows, such as ("dataset", 1).
    body : JSON values only (str, int below 2**53, finite float, bool, None, list, dict).
    system, run : ids of the AI system and the run it belongs to, if any.
    actor : stable id of whoever or whatever says it; a claim, unless a signature proves it.
    claimed_at : RFC 3339 UTC time by the clock of whoever says it.
    controls : Annex A controls that it supports; from the kind when left empty.
    unknown : fields that a newer version put beside ours; kept as they came.
    typed : the body as `bodies` has read it, once somebody asked.
    """

    kind: str
    subjects: tuple[Subject, ...]
    body: Mapping[str, Any]
    actor: str
    claimed_at: str
    system: str | None = None
    run: str | None = None
    version: int = 1
    controls: tuple[str, ...] = ()
    unknown: Mapping[str, Any] = field(default_factory=dict)
    typed: Any = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _KIND.match(self.kind):
            raise EvidenceFormatError(
                "evidence kind is not a name", got=repr(self.kind)[:80], expected="a-z, 0-9 and -"
            )
        if not self.subjects:
            raise EvidenceFormatError(
                f"evidence of kind {self.kind} is about nothing", expected="at least one subject"
            )
        if not self.controls:
            object.__setattr__(self, "controls", controls_of(self.kind))

    @property
    def predicate_type(self) -> str:
        """The URI of the predicate: kind and version of the body."""
        return f"{PREDICATE_PREFIX}:{self.kind}:v{self.version}"

    def to_statement(self) -> dict[str, Any]:
        """The in-toto Statement v1 as a dict of JSON values."""
        predicate: dict[str, Any] = {
            **self.unknown,
            "actor": self.actor,
            "claimed_at": self.claimed_at,
            "controls": list(self.controls),
            "body": dict(self.body),
        }
        if self.system is not None:
            predicate["system"] = self.system
        if self.run is not None:
            predicate["run"] = self.run
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": s.name, "digest": {"sha256": s.sha256}} for s in self.subjects],
            "predicateType": self.predicate_type,
            "predicate": predicate,
        }

    @classmethod
    def from_statement(cls, statement: Mapping[str, Any]) -> Evidence:
        """Read a statement back; raises EvidenceFormatError naming the field that is wrong."""
        try:
            if statement["_type"] != STATEMENT_TYPE:
                raise EvidenceFormatError(
                    "not an in-toto Statement v1", got=repr(statement["_type"])[:80]
                )
            match = _PREDICATE.match(statement["predicateType"])
            if match is None:
                raise EvidenceFormatError(
                    "unknown predicate type",
                    got=repr(statement["predicateType"])[:120],
                    expected=f"{PREDICATE_PREFIX}:<kind>:v<version>",
                )
            predicate = statement["predicate"]
            _check_shape(statement["subject"], predicate)
            return cls(
                kind=match[1],
                version=int(match[2]),
                subjects=tuple(
                    Subject(s["name"], s["digest"]["sha256"]) for s in statement["subject"]
                ),
                body=predicate["body"],
                actor=predicate["actor"],
                claimed_at=predicate["claimed_at"],
                system=predicate.get("system"),
                run=predicate.get("run"),
                controls=tuple(predicate["controls"]),
                unknown={k: v for k, v in predicate.items() if k not in _PREDICATE_FIELDS},
            )
        except (KeyError, TypeError) as error:
            raise EvidenceFormatError(
                f"statement lacks a field or has it in another shape: {error}"
            ) from error


def _check_shape(subjects: Any, predicate: Any) -> None:
    """Refuse a statement whose parts are of another JSON type than ours; names its field."""
    for name, good in (
        ("subject", type(subjects) is list),
        ("predicate", type(predicate) is dict),
    ):
        if not good:
            raise EvidenceFormatError(f"the statement has its {name} in another shape")
    optional = (str, type(None))
    for name, good in (
        ("subject", all(type(subject["name"]) is str for subject in subjects)),
        ("body", type(predicate["body"]) is dict),
        ("actor", type(predicate["actor"]) is str),
        ("claimed_at", type(predicate["claimed_at"]) is str),
        ("controls", type(predicate["controls"]) is list),
        ("system", isinstance(predicate.get("system"), optional)),
        ("run", isinstance(predicate.get("run"), optional)),
    ):
        if not good:
            raise EvidenceFormatError(f"the statement has its {name} in another shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Evidence as the log holds it.

    sequence : 0-based index of its leaf.
    id : SHA-256 (hex) of the envelope bytes; unique prefixes of 8 and more digits are accepted.
    envelope, leaf : the exact stored bytes, canonical JSON.
    key : idempotency key.  received_at : the store's own clock, RFC 3339 UTC.
    """

    sequence: int
    id: str
    key: str
    received_at: str
    evidence: Evidence
    envelope: bytes
    leaf: bytes
