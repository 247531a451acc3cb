"""What a push may look like: one definition that validates it and describes it in OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic asks for it before Python 3.12
)

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError, WithJsonSchema
from pydantic import Field as Limits
from pydantic.functional_validators import AfterValidator
from typing_extensions import TypedDict

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import Signature
from aims_mlops.evidence.encoding.limits import EXACT, MAX_KEY, MAX_NAME, MAX_SUBJECTS
from aims_mlops.evidence.records import PREDICATE_PREFIX, Evidence
from aims_mlops.server.problems import ProblemError

MAX_ITEMS = 1_000  # records in one push

JSON_VALUE: dict[str, Any] = {
    "description": "Any JSON value without lone surrogates. From 2^53 on a number is a float: "
    "written with an exponent, or with the very digits that RFC 8785 gives it. Others are refused.",
    "anyOf": [
        {"type": "null"},
        {"type": "boolean"},
        {"type": "string"},
        {"type": "integer", "minimum": 1 - EXACT, "maximum": EXACT - 1},
        # With an exponent or a point any finite number goes; JSON Schema cannot tell 1e300 from an
        # integer of 301 digits, so the description says it.
        {"type": "number"},
        {"type": "array", "items": {"$ref": "#/components/schemas/JsonValue"}},
        {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/JsonValue"}},
    ],
}
_ANY_JSON = {"x-aims": "JsonValue"}  # replaced by a reference once the schema is written

Json = Annotated[Any, WithJsonSchema(_ANY_JSON)]
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME, pattern=r"^[^\x00]*$")]
Key = Annotated[str, StringConstraints(pattern=rf"^[A-Za-z0-9._:/+=@-]{{1,{MAX_KEY}}}$")]
Control = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]


def _moment(text: str) -> str:
    try:
        clock.parse(text)
    except ValueError:
        raise ValueError("not a time as in RFC 3339, with an offset") from None
    return text


Moment = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
        r"(Z|[+-][0-2][0-9]:[0-5][0-9])$"
    ),
    AfterValidator(_moment),
    Limits(json_schema_extra={"format": "date-time"}),
]
_CLOSED = ConfigDict(extra="forbid", strict=True)


class Digest(TypedDict):
    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    sha256: Hex64


class SubjectItem(TypedDict):
    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    name: Name
    digest: Digest


class Predicate(TypedDict):
    """Fields beside ours are kept as they came."""

    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]
    actor: Name
    claimed_at: Moment
    controls: Annotated[list[Control], Limits(max_length=100)]
    body: dict[str, Json]
    system: NotRequired[Name]
    run: NotRequired[Name]


class Statement(TypedDict):
    """An in-toto Statement v1."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    _type: Literal["https://in-toto.io/Statement/v1"]
    subject: Annotated[list[SubjectItem], Limits(min_length=1, max_length=MAX_SUBJECTS)]
    predicateType: Annotated[
        str,
        StringConstraints(
            pattern=rf"^{PREDICATE_PREFIX}:[a-z][a-z0-9-]{{0,63}}:v[1-9][0-9]{{0,3}}$"
        ),
    ]
    predicate: Predicate


class SignatureItem(TypedDict):
    """An Ed25519 signature by a person over the DSSE pre-authentication encoding of the statement.

    `keyid` is the SHA-256 of the raw public key; the payload type is application/vnd.in-toto+json
    and the payload the statement in canonical form (RFC 8785).
    """

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    keyid: Hex64
    sig: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{85}[AQgw]==$")]


class Item(TypedDict):
    """One record to be; `key` is the idempotency key, the statement's digest when absent."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    statement: Statement
    key: NotRequired[Key]
    signatures: NotRequired[Annotated[list[SignatureItem], Limits(min_length=1, max_length=10)]]


class Push(TypedDict):
    """A batch: all of it is stored, or none."""

    __pydantic_config__ = _CLOSED  # type: ignore[misc]
    batch: Annotated[list[Item], Limits(min_length=1, max_length=MAX_ITEMS)]


@cache
def _adapter() -> TypeAdapter[Push]:
    return TypeAdapter(Push)


def push_schemas() -> dict[str, Any]:
    """The schemas of a push for OpenAPI's components, by name."""
    schema = _adapter().json_schema(ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = schema.pop("$defs")
    found["Push"] = schema
    found["JsonValue"] = JSON_VALUE
    referred: dict[str, Any] = _refer(found)
    return referred


def _refer(node: Any) -> Any:
    if isinstance(node, Mapping):
        if node.get("x-aims") == "JsonValue":
            return {"$ref": "#/components/schemas/JsonValue"}
        out = {name: _refer(value) for name, value in node.items()}
        if out.get("additionalProperties") is True:
            out["additionalProperties"] = {"$ref": "#/components/schemas/JsonValue"}
        return out
    if isinstance(node, list):
        return [_refer(value) for value in node]
    return node


def read_push(value: Any) -> list[tuple[Evidence, str | None, tuple[Signature, ...]]]:
    """Evidence, idempotency key and people's signatures of each item; raises ProblemError."""
    from base64 import b64decode

    try:
        push = _adapter().validate_python(value)
    except ValidationError as error:
        found = [
            {"where": ".".join(str(part) for part in item["loc"]), "what": item["msg"]}
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise ProblemError(
            "invalid", f"{len(found)} things in the push are not valid", errors=found[:20]
        ) from error
    out = []
    for number, item in enumerate(push["batch"]):
        try:
            evidence = _evidence(item["statement"])
        except EvidenceFormatError as error:
            raise ProblemError(
                "invalid",
                f"statement {number} of the batch cannot become evidence",
                errors=[{"where": f"batch.{number}.statement", "what": str(error)}],
            ) from error
        signatures = tuple(
            Signature(s["keyid"], b64decode(s["sig"])) for s in item.get("signatures", ())
        )
        out.append((evidence, item.get("key"), signatures))
    return out


def _evidence(statement: Any) -> Evidence:
    """The evidence, only if storing it would change nothing of the statement."""
    evidence = Evidence.from_statement(statement)
    if canonical(evidence.to_statement()) != canonical(statement):
        raise EvidenceFormatError(
            "the statement could not be stored as it came",
            expected="the controls of its kind, and no field outside the predicate but the known",
        )
    return evidence


__all__ = ["MAX_ITEMS", "push_schemas", "read_push"]
