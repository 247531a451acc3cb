"""The bundle as lines: a header, anchors, records with their blobs, and a trailer.

Each line is canonical JSON. The trailer holds the number of lines before it and the SHA-256 of all
their bytes, so that one flipped bit anywhere shows. docs/verify.md describes every line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import IO, Any

from aims_verify.encoding import from_base64, from_json, to_json
from aims_verify.findings import Findings, UnreadableError
from aims_verify.note import Checkpoint, holds, key_id

VERSION = 1
MAX_LINE = 16 * 1024 * 1024  # bytes; evidence is at most 4 MiB, a part of a blob 1 MiB
MAX_HEADER = 1024 * 1024  # bytes
_END = b'{"end":'
_HEADER_FIELDS = frozenset(
    ("aims_bundle", "checkpoint", "keys", "log", "scope", "written_at", "written_by")
)
_LATER_FIELDS = frozenset(("signature", "withheld"))  # a header may lack them
HEADER_TYPE = b"application/vnd.aims-mlops.bundle-header+json"


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key that signed the log from record `valid_from` up to the next key's."""

    valid_from: int
    public: bytes

    @property
    def id(self) -> str:
        """The key's id as the log names it."""
        return key_id(self.public)


@dataclass(frozen=True, slots=True)
class Header:
    """What a bundle says of itself; only the checkpoint's signature makes any of it true.

    scope : what was selected; None for the whole log.  keys : of the log, oldest first.
    withheld : kinds whose content the export leaves out.  signed : whether the log's key of the
    checkpoint signed the header; None where nobody did.
    """

    log: str
    scope: dict[str, Any] | None
    checkpoint: Checkpoint
    keys: tuple[LogKey, ...]
    written_at: str
    withheld: frozenset[str] = frozenset()
    signed: bool | None = None

    @classmethod
    def parse(cls, line: bytes) -> Header:
        """Read the first line; raises UnreadableError."""
        try:
            found = from_json(line)
            version = found["aims_bundle"]
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableError("not an evidence bundle: its first line is no header") from error
        if version != VERSION:
            raise UnreadableError(
                f"a bundle of version {str(version)[:20]}; this verifier knows version {VERSION}. "
                "Next: use the aims-verify of the aims-mlops that wrote it"
            )
        if found.keys() - _LATER_FIELDS != _HEADER_FIELDS:
            raise UnreadableError("the header lacks a field or has one too many")
        try:
            keys = []
            for item in found["keys"]:
                public = from_base64(item["public"])
                if public is None or len(public) != 32 or type(item["valid_from"]) is not int:
                    raise UnreadableError("the header lists a key that is not one")
                keys.append(LogKey(item["valid_from"], public))
            scope, withheld = found["scope"], found.get("withheld", [])
            if not isinstance(withheld, list) or ("withheld" in found and not withheld):
                raise UnreadableError("the header has an odd list of what is withheld")
            header = cls(
                log=str(found["log"]),
                scope=None if scope is None else dict(scope),
                checkpoint=Checkpoint.parse(found["checkpoint"]),
                keys=tuple(keys),
                written_at=str(found["written_at"]),
                withheld=frozenset(map(str, withheld)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableError(
                f"the header lacks a field or has it in another shape: {error}"
            ) from error
        starts = [key.valid_from for key in header.keys]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise UnreadableError("the header's keys do not follow one another from record 0")
        return replace(header, signed=header._is_signed(found))

    def _is_signed(self, found: dict[str, Any]) -> bool | None:
        """Whether the key of the checkpoint signed the other fields, as in DSSE."""
        if "signature" not in found:
            return None
        signature = from_base64(found["signature"]) if type(found["signature"]) is str else None
        text = to_json({name: value for name, value in found.items() if name != "signature"})
        message = b"DSSEv1 %d %b %d %b" % (len(HEADER_TYPE), HEADER_TYPE, len(text), text)
        return holds(self.key_at(self.checkpoint.size).public, signature or b"", message)

    def key_at(self, sequence: int) -> LogKey:
        """The key that signed this record."""
        return max(
            (key for key in self.keys if key.valid_from <= sequence), key=lambda k: k.valid_from
        )

    def in_force(self, size: int) -> tuple[LogKey, ...]:
        """The keys that may sign a checkpoint of this size: two where one takes over."""
        found = {key.valid_from: key for key in map(self.key_at, (max(size - 1, 0), size))}
        return tuple(found.values())


class Lines:
    """The lines of a bundle in order, hashed on the way; memory is one line."""

    def __init__(self, file: IO[bytes], findings: Findings) -> None:
        self._file = file
        self._findings = findings
        self._digest = sha256()
        self._count = 0
        first = file.readline(MAX_HEADER)
        if not first.endswith(b"\n"):
            raise UnreadableError("not an evidence bundle: it has no header line")
        self.header = Header.parse(first)
        self._take(first)

    def _take(self, line: bytes) -> None:
        self._digest.update(line)
        self._count += 1

    def __iter__(self) -> Iterator[bytes]:
        """Each line after the header, without its newline; checks the trailer at the end."""
        while line := self._file.readline(MAX_LINE):
            if line.startswith(_END):
                self._finish(line)
                return
            if not line.endswith(b"\n"):
                self._findings.fail("a line is cut off or too long", f"line {self._count + 1}")
                while line and not line.endswith(b"\n"):  # go on behind the overlong line
                    self._digest.update(line)
                    line = self._file.readline(MAX_LINE)
                self._take(line)
                continue
            self._take(line)
            yield line[:-1]
        self._findings.fail("the file is cut off: it has no trailer")

    def _finish(self, line: bytes) -> None:
        found = self._digest.hexdigest()
        whole = line == b'{"end":{"lines":%d,"sha256":"%b"}}\n' % (self._count, found.encode())
        self._findings.expect(
            whole,
            f"the file is whole: SHA-256 {found} over {self._count:,} lines",
            "the file was changed or damaged: its SHA-256 is not the one in its trailer",
        )
        if self._file.read(1):
            self._findings.fail("something follows the trailer")


def read_line(line: bytes) -> dict[str, Any]:
    """A line other than a record; raises ValueError unless it is canonical JSON of an object."""
    found = from_json(line)
    if not isinstance(found, dict) or to_json(found) != line:
        raise ValueError("not an object in canonical form")
    return found
