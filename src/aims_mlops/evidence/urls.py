"""Addresses without what opens them: the one place that cleans a URL for people and evidence."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOST = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|localhost|\[[0-9A-Fa-f:.]+\])\Z")
_PATH = re.compile(r"(?:[./~\\]|[A-Za-z]:[\\/])")


def without_credentials(url: str) -> str:
    """A URL without user, password, query and fragment.

    Passwords hold '/', '?', '#', ':' and '@' though they should be escaped there. So all before the
    last '@' goes, unless what stands before the first '/' is plainly a host without a password: in
    doubt an address is told too short.
    """
    found = _SCHEME.match(url)
    scheme, rest = (found[0], url[found.end() :]) if found else ("", url)
    if not scheme and ("@" not in rest or _PATH.match(rest)):
        return _plain(rest)  # a path, or a host without a user
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest and authority and not _HOST.match(authority):
        rest = rest.rpartition("@")[2]
    return scheme + _plain(rest)


def _plain(rest: str) -> str:
    return re.split(r"[?#]", rest, maxsplit=1)[0]
