"""Whether the fast writer's bytes are canonical, found out without a walk through the values.

A walk in Python costs more than everything else that canonical JSON needs, so two looks in C take
its place for most evidence. They may say no to a value that is plain after all, and then the walk
decides; they never say yes to one that is not.

 1. Of the text: no byte from 0xEE on, so that no key sorts differently by UTF-8 than by UTF-16; too
    few brackets to nest too deep; too few bytes to hold too many values.
 2. Of the same value as MessagePack, where every float is the byte 0xCB and its eight bytes, most
    significant first: none that RFC 8785 writes otherwise than the fast writer, which are NaN, the
    infinities, those written with an exponent by either, and whole numbers.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from aims_mlops.evidence.encoding.limits import MAX_DEPTH, MAX_VALUES

_encode = msgspec.msgpack.Encoder().encode

# The sign is the first bit and the exponent the eleven after it. Let through are 1.04e-4 < |x| <
# 2**44 whose last byte is not zero: below 2**44 that byte of a whole number is always zero.
_ODD_FLOAT = re.compile(
    rb"\xcb(?:"
    rb"[\x00-\x3e\x80-\xbe]"  # |x| < 2**-15
    rb"|[\x3f\xbf][\x00-\x1a]"  # |x| < 1.04e-4
    rb"|[\x42\xc2][\xb0-\xff]"  # |x| >= 2**44
    rb"|[\x43-\x7f\xc3-\xff]"  # |x| >= 2**49, the infinities, NaN
    rb"|.{7}\x00"
    rb")",
    re.DOTALL,
)
_BYTES = 2 * MAX_VALUES - 2  # every value takes a byte at least, and one to part it from the next


def is_canonical(value: Any, written: bytes) -> bool:
    """Whether `written`, which the fast writer made of `value`, is canonical for certain."""
    if (
        len(written) > _BYTES
        or written.count(b"{") + written.count(b"[") > MAX_DEPTH
        or (not written.isascii() and max(written) >= 0xEE)
    ):
        return False
    try:
        return _ODD_FLOAT.search(_encode(value)) is None
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return False
