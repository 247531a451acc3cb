"""The Python API, from docstrings."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence

import aims_mlops
from generated.page import Page

TITLE = "Python"

# module -> what its page is called; below are the names of `aims_mlops` by the part they belong to
_MODULES = {
    "aims_mlops.errors": "Errors",
    "aims_mlops.plugins": "Plugins",
    "aims_mlops.hookspecs": "Hooks",
    "aims_mlops.testing": "Testing",
}


@functools.cache
def pages() -> Sequence[Page]:
    """One page for the names of each part of `import aims_mlops as aims`, one for each module."""
    parts: dict[str, list[str]] = {}
    for name, home in aims_mlops._HOME.items():
        parts.setdefault(home.split(".")[1], []).append(name)
    found = [_part(part, sorted(names)) for part, names in sorted(parts.items())]
    found += [_module(module, title) for module, title in _MODULES.items()]
    listed = "\n".join(f"- [{page.title}]({page.path.rpartition('/')[2]})" for page in found)
    text = (
        "# Python\n\n```py\nimport aims_mlops as aims\n```\n\nWhat is public, and what may change: "
        f"[stability](../../stability.md).\n\n{listed}\n"
    )
    return [Page("reference/python/index.md", TITLE, text), *found]


def _part(part: str, names: Sequence[str]) -> Page:
    about = (importlib.import_module(f"aims_mlops.{part}").__doc__ or "").strip().partition("\n")[0]
    title = part.replace("_", " ").capitalize()
    blocks = "\n\n".join(f"::: aims_mlops.{name}" for name in names)
    return Page(f"reference/python/{part}.md", title, f"# {title}\n\n{about}\n\n{blocks}\n")


def _module(module: str, title: str) -> Page:
    name = module.rpartition(".")[2]
    text = f"# {title}\n\n::: {module}\n    options:\n      show_root_heading: false\n"
    return Page(f"reference/python/{name}.md", title, text)
