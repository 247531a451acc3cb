"""How large, deep and wide evidence may be, checked before anything is signed.

One pass over the values looks for everything that cannot be written as canonical JSON (RFC 8785)
and, on the way, finds out whether the fast writer would give the very same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from math import isfinite
from typing import Any
from uuid import UUID

from aims_mlops.errors import EvidenceFormatError

MAX_STATEMENT_BYTES = 4 * 1024 * 1024
MAX_BLOB_BYTES = 512 * 1024 * 1024
MAX_SENT_BLOB_BYTES = 64 * 1024 * 1024  # to a server, which holds it in memory
MAX_DEPTH = 64
MAX_VALUES = 200_000
MAX_SUBJECTS = 1_000
MAX_BATCH = 10_000
MAX_NAME = 1_024  # characters of a subject's name, an actor, a system or a run
MAX_KEY = 200  # characters of an idempotency key
EXACT = 2**53  # integers from here on are not exact in JSON as others read it

# RFC 8785 writes a float without exponent between 1e-6 and 1e21; the fast writer does so between
# 1e-5 and 1e16. Inside this narrower range both write the shortest digits that round-trip.
FAST_FLOAT_LOW = 1e-4

_FLOATS = {float}
_LEAVES = frozenset((str, bool, type(None)))
_JSON_TYPES = frozenset((str, int, float, bool, type(None), dict, list, tuple))


class Form(Enum):
    """How a value has to be written: straight, after a plain copy, or by the slow writer."""

    PLAIN = "plain"
    COPY = "copy"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a value found; `blobs` are digests of the blobs that it refers to."""

    form: Form
    blobs: tuple[str, ...]


def survey(value: Any) -> Survey:
    """Check a value against the limits; raises EvidenceFormatError naming the place.

    A JSON object with `sha256`, `size` and `media_type` counts as a reference to a blob. Each level
    of nesting is looked at as a whole, with functions that loop in C: this runs for every record.
    """
    copy = slow = False
    blobs: list[str] = []
    count = depth = 0
    level: list[Any] = [value]
    while level:
        depth += 1
        count += len(level)
        if depth > MAX_DEPTH:
            raise EvidenceFormatError(
                "evidence is nested too deep", expected=f"at most {MAX_DEPTH} levels"
            )
        if count > MAX_VALUES:
            raise EvidenceFormatError(
                "evidence holds too many values",
                expected=f"at most {MAX_VALUES} values",
                next_step="put long lists into a blob and refer to it",
            )
        below: list[Any] = []
        kinds = set(map(type, level))
        if kinds <= _LEAVES:
            break
        if int in kinds:
            integers = [node for node in level if type(node) is int]
            if max(integers) >= EXACT or min(integers) <= -EXACT:
                large = next(n for n in integers if not -EXACT < n < EXACT)
                raise _refused(value, large, "an integer of 2**53 or more")
        if float in kinds:
            floats = level if kinds == _FLOATS else [n for n in level if type(n) is float]
            if not all(map(isfinite, floats)):
                odd = next(n for n in floats if not isfinite(n))
                raise _refused(value, odd, "a number that is not finite")
            if any(map(float.is_integer, floats)):
                copy = True
                slow = slow or any(n.is_integer() and not -EXACT < n < EXACT for n in floats)
                slow = slow or any(n != 0 and abs(n) < FAST_FLOAT_LOW for n in floats)
            else:
                slow = slow or min(map(abs, floats)) < FAST_FLOAT_LOW
        if dict in kinds:
            objects = [node for node in level if type(node) is dict]
            try:
                names = "".join(chain.from_iterable(objects))
            except TypeError:
                keyed = next(n for n in objects if not all(isinstance(k, str) for k in n))
                raise _refused(value, keyed, "a key that is not a string") from None
            if not names.isascii():
                # By UTF-8 and by UTF-16 keys sort alike only below the surrogates.
                slow = slow or max(names) >= "\ud800"
            if "media_type" in names:
                blobs.extend(
                    str(node["sha256"])
                    for node in objects
                    if "media_type" in node and "sha256" in node and "size" in node
                )
            below.extend(chain.from_iterable(map(dict.values, objects)))
        if list in kinds:
            below.extend(chain.from_iterable(node for node in level if type(node) is list))
        if tuple in kinds:
            below.extend(chain.from_iterable(node for node in level if type(node) is tuple))
        if not kinds <= _JSON_TYPES:
            copy = True
            below.extend(_base(value, node) for node in level if type(node) not in _JSON_TYPES)
        level = below
    form = Form.SLOW if slow else Form.COPY if copy else Form.PLAIN
    return Survey(form, tuple(blobs))


def plain_copy(value: Any) -> Any:
    """The value with floats that are whole as int, and subclasses as their JSON base type."""
    kind = type(value)
    if kind is str or value is None or kind is bool or kind is int:
        return value
    if kind is float:
        return int(value) if value.is_integer() and -EXACT < value < EXACT else value
    if isinstance(value, Mapping):
        return {str(name): plain_copy(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_copy(item) for item in value]
    return plain_copy(_base(value, value))


def _base(root: Any, node: Any) -> Any:
    """A subclass (such as numpy.float64) as the JSON type that it extends; see `canonical`."""
    if isinstance(node, Enum):
        return node.value
    if isinstance(node, UUID):
        return str(node)
    if isinstance(node, str):
        return str.__str__(node)
    if isinstance(node, int):
        return int(node)
    if isinstance(node, float):
        return float(node)
    if isinstance(node, Mapping):
        return dict(node)
    if isinstance(node, (list, tuple)):
        return list(node)
    raise _refused(root, node, f"a value of type {type(node).__module__}.{type(node).__name__}")


def _refused(root: Any, node: Any, what: str) -> EvidenceFormatError:
    return EvidenceFormatError(
        f"evidence cannot hold {what}",
        got=f"one at {_path(root, node)}",
        expected="JSON values: strings, integers below 2**53, finite floats, booleans, null",
    )


def _path(root: Any, wanted: Any) -> str:
    """Where a node sits, such as 'predicate.body.figures[3].value'; only called on refusal."""
    stack: list[tuple[Any, str]] = [(root, "")]
    while stack:
        node, path = stack.pop()
        if node is wanted:
            return path or "the top"
        if isinstance(node, Mapping):
            stack.extend(
                (item, f"{path}.{str(name)[:80]}".lstrip(".")) for name, item in node.items()
            )
        elif isinstance(node, (list, tuple)):
            stack.extend((item, f"{path}[{i}]") for i, item in enumerate(node))
    return "an unknown place"
