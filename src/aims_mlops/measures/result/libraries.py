"""Versions of the libraries that define or compute a figure, without importing them."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version_of(library: str) -> str:
    """The installed version, or 'not installed': a definition can be followed without it."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"


def source_of(library: str, function: str) -> str:
    """What a figure's `source` says, such as 'fairlearn 0.15.0: selection_rate'."""
    version = version_of(library)
    return f"{library} {version}: {function}" if version[0].isdigit() else f"{library}: {function}"


def versions_of(*libraries: str) -> dict[str, str]:
    """The version of each library, by name."""
    return {library: version_of(library) for library in libraries}
