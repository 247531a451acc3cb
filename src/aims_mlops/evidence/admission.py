"""What may come into a log: one check for every door.

The database, the server, the spool and a run all ask here, at the moment evidence is made or taken
in, so that nothing is accepted at one door and then refused for good at the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.limits import MAX_NAME, MAX_SUBJECTS
from aims_mlops.evidence.records import Evidence

_STRINGS = {str}
_MOMENT = re.compile(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-][0-2][0-9]:[0-5][0-9])\Z"
)
_CONTROL = re.compile(r"[A-Za-z0-9._-]{1,40}\Z")
_MAX_CONTROLS = 100


def payload_of_evidence(evidence: Evidence) -> bytes:
    """The statement as it is signed; raises EvidenceFormatError for what no log may hold.

    Names are strings of 1 to 1,024 characters without NUL, `claimed_at` is an RFC 3339 time with an
    offset, controls look like A.6.2.4, and the statement is canonical JSON within the limits.
    """
    _check_names(evidence)
    if not _is_moment(evidence.claimed_at):
        raise EvidenceFormatError(
            f"evidence of kind {evidence.kind} does not say when it was claimed",
            got=f"{len(evidence.claimed_at)} characters",
            expected="an RFC 3339 time with an offset, such as 2026-11-21T09:30:00Z",
        )
    return canonical(evidence.to_statement())


def is_name(text: object) -> bool:
    """Whether this can name an actor, a system, a run or a subject."""
    return (
        type(text) is str
        and 0 < len(text) <= MAX_NAME
        and "\0" not in text
        and not any("\ud800" <= c <= "\udfff" for c in text)
    )


def _check_names(evidence: Evidence) -> None:
    if len(evidence.subjects) > MAX_SUBJECTS or len(evidence.controls) > _MAX_CONTROLS:
        raise EvidenceFormatError(
            f"evidence of kind {evidence.kind} is about too many subjects or controls",
            got=f"{len(evidence.subjects)} and {len(evidence.controls)}",
            expected=f"at most {MAX_SUBJECTS} and {_MAX_CONTROLS}",
        )
    names = [evidence.actor, evidence.claimed_at]
    names.extend(name for name in (evidence.system, evidence.run) if name is not None)
    names.extend(evidence.controls)
    names.extend(subject.name for subject in evidence.subjects)
    if (
        set(map(type, names)) != _STRINGS
        or max(map(len, names)) > MAX_NAME
        or min(map(len, names)) == 0
        or "\0" in "".join(names)
        or not all(map(_is_control, evidence.controls))
        or not isinstance(evidence.body, Mapping)
    ):
        raise EvidenceFormatError(
            f"a name in evidence of kind {evidence.kind} cannot be used",
            got="the actor, claimed time, system, run, a control or a subject's name",
            expected=f"a string of 1 to {MAX_NAME} characters, none of them NUL; "
            "a control such as A.6.2.4",
        )


@lru_cache(maxsize=256)
def _is_control(text: str) -> bool:
    return _CONTROL.match(text) is not None


@lru_cache(maxsize=256)
def _is_moment(text: str) -> bool:
    if not _MOMENT.match(text):
        return False
    try:
        clock.parse(text)
    except ValueError:
        return False
    return True
