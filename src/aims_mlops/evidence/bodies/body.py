"""What every typed body shares: read from a record once, nothing lost, nothing refused.

A body in the log may be older, newer or stranger than this version. Reading one never fails: a
field that is absent, null, or of another JSON type is None, and the body as it came stays whole, so
that fields that this version does not know are given back unchanged. What a body must have stands
in its JSON Schema, which is made from the same class (`schema`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar

import msgspec

from aims_mlops.evidence.records import Evidence, Record

T = TypeVar("T")
B = TypeVar("B", bound="type[Body]")

# How a field stands in the schema. All may be None in Python: a record may lack what it must have.
REQUIRED, NOT_NULL, LATER = "required", "not null", "later"
Must: TypeAlias = Annotated[T | None, REQUIRED]  # there, and not null
MustOrNull: TypeAlias = Annotated[T | None, REQUIRED, "null"]  # there, perhaps null
Given: TypeAlias = Annotated[T | None, NOT_NULL]  # if it is there, not null
Later: TypeAlias = Annotated[T | None, LATER]  # written since; the published schema is silent on it

Number: TypeAlias = int | float
Object: TypeAlias = dict[str, Any]
Objects: TypeAlias = list[Any]  # a list of anything: what is not of the expected shape is skipped


_Part = TypeVar("_Part", bound=msgspec.Struct)


class Items:
    """In the schema, the entries of a list are of this class; each is read on its own."""

    def __init__(self, of: type[msgspec.Struct]) -> None:
        self.of = of


def each_of(said: object, part: type[_Part]) -> list[_Part]:
    """The entries of a list of parts, typed; those that are of another shape are left out."""
    found: list[_Part] = []
    for one in said if isinstance(said, list) else ():
        with contextlib.suppress(msgspec.ValidationError, ValueError, TypeError):
            found.append(msgspec.convert(one, part))
    return found


def says(**schema: Any) -> msgspec.Meta:
    """What the schema asks beyond a type. A body in the log that differs is read all the same."""
    return msgspec.Meta(extra_json_schema=schema)


Texts: TypeAlias = Annotated[list[Any], says(items={"type": "string"})]
Sha256: TypeAlias = Annotated[str, says(pattern="^[0-9a-f]{64}$")]
Count: TypeAlias = Annotated[int, says(minimum=0)]


class Body(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A body as typed fields; `raw` is what it was read from, every field of it."""

    schema_title: ClassVar[str | None] = None  # where it is not the line of the kind
    schema_about: ClassVar[str | None] = None

    @classmethod
    def of(cls, source: Record | Evidence) -> Self:
        """The body of a record, typed; read once for each record, whoever asks."""
        evidence = source.evidence if isinstance(source, Record) else source
        known = evidence.typed
        if isinstance(known, cls):
            return known
        own = NEWEST.get(evidence.kind, cls)
        if not issubclass(own, cls):
            return cls.read(evidence.body)
        found = own.read(evidence.body)
        object.__setattr__(evidence, "typed", found)
        return found

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """A mapping of JSON values, typed. Fields of another type are None; nothing is raised."""
        try:
            found = msgspec.convert(raw, cls)
        except (msgspec.ValidationError, ValueError, TypeError):
            found = cls._field_by_field(raw)
        found.__dict__["raw"] = raw
        return found

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """The same from JSON text. Raises msgspec.DecodeError if it is no JSON object."""
        return cls.read(msgspec.json.decode(content, type=dict[str, Any]))

    @classmethod
    def _field_by_field(cls, raw: Mapping[str, Any]) -> Self:
        good: dict[str, Any] = {}
        odd: list[str] = []
        for name, said, hint in _fields(cls):
            if said not in raw:
                continue
            try:
                good[name] = msgspec.convert(raw[said], hint)
            except (msgspec.ValidationError, ValueError, TypeError):
                odd.append(name)
        found = cls(**good)
        found.__dict__["odd"] = frozenset(odd)
        return found

    @property
    def raw(self) -> Mapping[str, Any]:
        """Everything that the body said, known to this version or not."""
        found: Mapping[str, Any] | None = self.__dict__.get("raw")
        return self._said() if found is None else found

    @property
    def odd(self) -> frozenset[str]:
        """Names of fields that are there, and of another type than they should be.

        Each of them is None. Where None means that nothing was said, and nothing said lets
        something through, ask here as well.
        """
        return self.__dict__.get("odd") or frozenset()

    def to_body(self) -> dict[str, Any]:
        """As JSON values: what it was read from; of one that was made here, what is not None."""
        return dict(self.raw)

    def _said(self) -> dict[str, Any]:
        values = ((said, getattr(self, name)) for name, said, _ in _fields(type(self)))
        return {said: value for said, value in values if value is not None}

    def __reduce__(self) -> tuple[Callable[[Mapping[str, Any]], Self], tuple[dict[str, Any]]]:
        return type(self).read, (self.to_body(),)


@cache
def _fields(cls: type[Body]) -> tuple[tuple[str, str, Any], ...]:
    """Name in Python, name in the body, and type of each field."""
    return tuple((f.name, f.encode_name, f.type) for f in msgspec.structs.fields(cls))


class SignedBody(Body, frozen=True):
    """What a person signed: `public_key` is theirs, the signature over the rest."""

    approver: Must[str] = None
    signature: Must[str] = None
    public_key: Must[str] = None


# (kind, version) -> its body, and the newest body of each kind, by which records are read.
BODIES: dict[tuple[str, int], type[Body]] = {}
NEWEST: dict[str, type[Body]] = {}


def body_of(kind: str, version: int = 1) -> Callable[[B], B]:
    """Declare the class that a kind's body of a version is read as; the newest reads them all."""

    def declare(cls: B) -> B:
        BODIES[kind, version] = cls
        if all(version >= other for name, other in BODIES if name == kind):
            NEWEST[kind] = cls
        return cls

    return declare
