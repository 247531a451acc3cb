"""Where generated pages stand in the navigation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from generated.page import Page


def add(nav: list[Any], tab: str, title: str | None, pages: Sequence[Page]) -> None:
    """Append pages to a tab, under a title of their own or directly."""
    (place,) = [entry for entry in nav if tab in entry]
    if not isinstance(place[tab], list):
        place[tab] = [place[tab]]
    entries: list[Any] = [
        page.path if page.path.endswith("index.md") else {page.title: page.path} for page in pages
    ]
    place[tab] += entries if title is None else [{title: entries}]
