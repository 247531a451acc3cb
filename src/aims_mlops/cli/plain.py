"""Text that cannot steer a terminal, nor pass for lines of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aims_mlops.visible import VisibleStream, plain, plain_lines

__all__ = ["plain", "plain_lines", "visible_output"]


@contextmanager
def visible_output() -> Iterator[None]:
    """While this holds, no command writes anything hiding to standard output or standard error."""
    streams: Any = sys
    before = streams.stdout, streams.stderr
    if any(isinstance(stream, VisibleStream) for stream in before) or None in before:
        yield
        return
    streams.stdout, streams.stderr = map(VisibleStream, before)
    try:
        yield
    finally:
        streams.stdout, streams.stderr = before
