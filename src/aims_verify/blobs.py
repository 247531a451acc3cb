"""The blobs in a bundle against the digests that records name."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from aims_verify.encoding import from_base64
from aims_verify.findings import Findings, counted


class BlobCheck:
    """Takes blobs part by part; memory is one digest for each blob, not its bytes.

    A blob's line is {"blob": {"data", "last", "part", "sha256"}}, with "salt" for personal content,
    whose name is HMAC-SHA256(salt, content); or {"blob": {"sha256", "state"}} with state `erased`,
    `missing`, `personal` or `damaged`.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._name = ""
        self._part = 0
        self._digest: Any = sha256()
        self._good: set[str] = set()
        self._states: dict[str, str] = {}
        self._named: dict[str, int] = {}
        self._bytes = 0
        self._good_bytes: dict[str, int] = {}
        self._sizes: dict[str, set[int]] = {}

    def take(self, found: dict[str, Any]) -> None:
        """One line; raises ValueError, KeyError, TypeError if it is malformed."""
        name = str(found["sha256"])
        if "state" in found:
            self._states[name] = str(found["state"])
            if found["state"] == "damaged":
                self._findings.fail("a blob was damaged in the store already", name[:16])
            return
        data = from_base64(found["data"])
        if data is None:
            raise ValueError("not base64")
        if found["part"] == 0:
            self._name, self._part, self._digest = name, 0, _digest(found.get("salt"))
            self._bytes = 0
        if name != self._name or found["part"] != self._part:
            raise ValueError("parts of a blob out of order")
        self._part += 1
        self._digest.update(data)
        self._bytes += len(data)
        if found["last"]:
            if self._digest.hexdigest() == name:
                self._good.add(name)
                self._good_bytes[name] = self._bytes
            else:
                self._findings.fail("a blob's content is not what its digest says", name[:16])
                self._states[name] = "damaged"

    def refer(self, blobs: Iterable[tuple[str, int]], sizes: Iterable[tuple[str, int]]) -> None:
        """Blobs that records name, with the record's sequence, and the sizes that they give."""
        for name, sequence in blobs:
            self._named.setdefault(name, sequence)
        for name, size in sizes:
            self._sizes.setdefault(name, set()).add(size)

    def sum_up(self, erased: set[str]) -> None:
        """Say which are there; `erased` are digests that a record of erasure names."""
        if not self._named and not self._good:
            return
        findings = self._findings
        for name, sizes in self._sizes.items():
            # The name of personal content is an HMAC, which is also the digest of its inner block.
            if name in self._good and sizes != {self._good_bytes[name]}:
                findings.fail("a blob is not of the size that its record gives", name[:16])
                self._good.discard(name)
                self._states[name] = "damaged"
        there = [name for name in self._named if name in self._good]
        gone = [name for name in self._named if name not in self._good and name in erased]
        out = [
            name
            for name in self._named
            if name not in self._good and name not in erased and self._states.get(name) != "damaged"
        ]
        if there:
            findings.holds.append(
                f"the content of {counted(len(there), 'blob')} is here and unchanged"
            )
        if gone:
            findings.unchecked.append(
                f"the content of {counted(len(gone), 'blob')}: content erased, commitment intact"
            )
        missing = [name for name in out if self._states.get(name) in ("erased", "missing")]
        for name in missing:
            findings.fail(
                "a blob that the store could not give, and no record of an erasure explains it",
                name[:16],
            )
        personal = [name for name in out if self._states.get(name) == "personal"]
        if personal:
            findings.unchecked.append(
                f"the content of {counted(len(personal), 'blob')} of personal data, which this "
                "bundle leaves out; the commitment is intact"
            )
        left = len(out) - len(missing) - len(personal)
        if left:
            findings.unchecked.append(
                f"the content of {counted(left, 'blob')} that this bundle leaves out"
            )
        for name in self._good - self._named.keys():
            findings.fail("a blob that no record names", name[:16])


def _digest(salt: str | None) -> Any:
    """What the content's bytes go through to give the blob's name; ValueError for an odd salt."""
    if salt is None:
        return sha256()
    raw = from_base64(salt)
    if raw is None:
        raise ValueError("not base64")
    return hmac.new(raw, digestmod=sha256)
