"""What the requirements of a model bring: the packages they name, and what these require."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def named_in(text: str) -> set[str]:
    """Names of the packages in a requirements.txt, as they are compared: lower case, hyphens."""
    found = set()
    for line in text.splitlines():
        match = _NAME.match(line)
        if match is not None:
            found.add(_plain(match.group(1)))
    return found


def closure(names: Iterable[str]) -> set[str]:
    """These packages and all that they require, extras left out, as far as they are installed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            listed = requires(name) or ()
        except PackageNotFoundError:
            continue
        for line in listed:
            match = _NAME.match(line)
            if match is not None and "extra ==" not in line:
                waiting.append(_plain(match.group(1)))
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
