"""Links of pages: right on GitHub as they are written, right on the site by what is done here."""

from __future__ import annotations

import posixpath
import re

from generated.page import ROOT

REPOSITORY = "https://github.com/aims-mlops/aims-mlops/blob/main/"

# path in the repository -> page of the site that shows it
MIRRORED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "checks/README.md": "reference/policies.md",
}
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_FENCE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def for_site(markdown: str, page: str) -> str:
    """The page's Markdown with each link pointing to a page of the site or to the repository."""
    mirrored = {site: source for source, site in MIRRORED.items()}
    source = mirrored.get(page, f"docs/{page}")
    if source.startswith("docs/") and not (ROOT / source).is_file():
        return markdown  # written by a generator, with links of the site
    parts = _FENCE.split(markdown)
    parts[::2] = [_LINK.sub(lambda m: _link(m, source, page), part) for part in parts[::2]]
    return "".join(parts)


def _link(match: re.Match[str], source: str, page: str) -> str:
    before, target, anchor, after = match.groups(default="")
    if re.match(r"[a-z]+:", target):
        return match[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if not (ROOT / path).exists():
        return match[0]  # the strict build says that it leads nowhere
    if path in MIRRORED:
        path = MIRRORED[path]
    elif path.startswith("docs/") and (ROOT / path).is_file():
        path = path.removeprefix("docs/")
    else:
        return f"{before}{REPOSITORY}{path}{anchor}{after}"
    here = posixpath.dirname(page) or "."
    return f"{before}{posixpath.relpath(path, here)}{anchor}{after}"
