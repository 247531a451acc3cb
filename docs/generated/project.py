"""Pages that lie at the top of the repository, where GitHub looks for them."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from generated.links import MIRRORED
from generated.page import ROOT, Page

_TITLES = {"CONTRIBUTING.md": "Contributing", "SECURITY.md": "Security", "CHANGELOG.md": "Changes"}


@functools.cache
def pages() -> Sequence[Page]:
    """The files of the top level that are pages of the site."""
    return [
        Page("index.md", "Start", (ROOT / "README.md").read_text()),
    ] + [
        Page(MIRRORED[name], title, (ROOT / name).read_text())
        for name, title in _TITLES.items()
        if (ROOT / name).is_file()
    ]
