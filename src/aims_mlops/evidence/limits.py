"""How large, deep and wide evidence may be, checked before anything is signed.

One pass over the values looks for everything that cannot be written as canonical JSON (RFC 8785)
and, on the way, finds out whether the fast writer would give the very same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aims_mlops.errors import EvidenceFormatError

MAX_STATEMENT_BYTES = 4 * 1024 * 1024
MAX_BLOB_BYTES = 512 * 1024 * 1024
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

    A JSON object with `sha256`, `size` and `media_type` counts as a reference to a blob.
    """
    copy = slow = False
    blobs: list[str] = []
    count = depth = 0
    level = [value]
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
        for node in level:
            kind = type(node)
            if kind is str or node is None or kind is bool:
                continue
            if kind is int:
                if not -EXACT < node < EXACT:
                    raise _refused(value, node, "an integer of 2**53 or more")
            elif kind is float:
                if node.is_integer():
                    copy = True
                    slow = slow or not -EXACT < node < EXACT
                elif not (node >= FAST_FLOAT_LOW or node <= -FAST_FLOAT_LOW):
                    # also true of NaN, which compares false with everything
                    slow = True
                    _finite(value, node)
                elif node in (float("inf"), float("-inf")):
                    _finite(value, node)
            elif kind is dict:
                try:
                    names = "".join(node)
                except TypeError:
                    raise _refused(value, node, "a key that is not a string") from None
                if not names.isascii():
                    # By UTF-8 and by UTF-16 keys sort alike only below the surrogates.
                    slow = slow or max(names) >= "\ud800"
                below.extend(node.values())
                if "media_type" in node and "sha256" in node and "size" in node:
                    blobs.append(str(node["sha256"]))
            elif kind is list or kind is tuple:
                below.extend(node)
            else:
                copy = True
                below.append(_base(value, node))
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
    """A subclass (such as numpy.float64 or an enum of strings) as the JSON type that it extends."""
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


def _finite(root: Any, node: float) -> None:
    if node != node or node in (float("inf"), float("-inf")):
        raise _refused(root, node, "a number that is not finite")


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
