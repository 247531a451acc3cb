"""The documentation site builds strictly, asks nothing of anybody, and no link leads nowhere."""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import aims_mlops
from aims_mlops.cli.main import _COMMANDS
from aims_mlops.evidence.kinds import KINDS

ROOT = Path(__file__).parents[2]
# Elements that a browser loads without being asked, and the attribute that says from where.
_LOADED = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src",
    "embed": "src", "object": "data", "link": "href", "form": "action",
}  # fmt: skip


class Document(html.parser.HTMLParser):
    """What a page loads, where it links to, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = {name: value or "" for name, value in attrs}
        self.anchors |= {fields[name] for name in ("id", "name") if name in fields}
        if tag == "a" and "href" in fields:
            self.links.append(fields["href"])
        if tag == "link" and fields.get("rel") in ("canonical", "prev", "next"):
            self.links.append(fields["href"])
        elif tag in _LOADED and _LOADED[tag] in fields:
            self.loads.append(fields[_LOADED[tag]])
        self.loads += re.findall(r"url\(([^)]*)\)", fields.get("style", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def documents(site: Path) -> dict[Path, Document]:
    return {page: Document(page.read_text()) for page in site.rglob("*.html")}


def test_no_page_loads_anything_from_elsewhere(site: Path, documents: dict[Path, Document]) -> None:
    assert len(documents) > 80

    for page, document in documents.items():
        assert [at for at in document.loads if re.match(r"(\w+:)?//", at)] == [], page
    for sheet in site.rglob("*.css"):
        outside = re.findall(
            r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")]*)", sheet.read_text()
        )
        assert outside == [], sheet


def test_every_link_and_anchor_leads_somewhere(site: Path, documents: dict[Path, Document]) -> None:
    broken = []
    for page, document in documents.items():
        for link in document.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if page.name == "404.html" and parts.path.startswith("/"):
                target = site / unquote(parts.path).lstrip("/")
            if not target.is_file():
                broken.append((page.name, link))
            elif parts.fragment and target in documents:
                anchors = documents[target].anchors
                if unquote(parts.fragment) not in anchors | {"__comments", "__codelineno"}:
                    broken.append((page.name, link))
    assert broken == []


def test_links_to_the_repository_are_to_files_that_exist(documents: dict[Path, Document]) -> None:
    start = "https://github.com/aims-mlops/aims-mlops/blob/main/"
    paths = {
        urlsplit(link.removeprefix(start)).path
        for document in documents.values()
        for link in document.links
        if link.startswith(start)
    }
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_public_name_command_and_kind_has_its_place(
    site: Path, documents: dict[Path, Document]
) -> None:
    python = {
        anchor
        for page, document in documents.items()
        if page.parent == site / "reference" / "python"
        for anchor in document.anchors
    }
    assert {f"aims_mlops.{name}" for name in aims_mlops._HOME} <= python
    assert "aims_mlops.errors.AimsError" in python
    for folder, names in (("cli", _COMMANDS), ("records", KINDS)):
        built = {page.stem for page in (site / "reference" / folder).glob("*.html")}
        assert built == {*names, "index"}
    assert "aims evidence verify" in (site / "reference/cli/evidence.html").read_text()
    assert "/v1/evidence" in (site / "reference/http.html").read_text()
    assert "single_user" in (site / "reference/aims-yaml.html").read_text()
    assert "within_hours" in (site / "reference/policies.html").read_text()


def test_every_decision_record_is_in_the_index_with_status_and_date(site: Path) -> None:
    index = re.sub(r"<[^>]+>", " ", (site / "adr" / "index.html").read_text())
    for record in (ROOT / "docs" / "adr").glob("[0-9]*.md"):
        number = record.name.partition("-")[0]
        assert re.search(
            rf"\b{number}\s[^·]+?(Accepted|Superseded).+?\d{{4}}-\d\d-\d\d", index, re.S
        )


def markdown() -> Iterator[Path]:
    for folder in (ROOT, *(ROOT / name for name in ("docs", "hooks", "checks", "examples"))):
        yield from folder.glob("*.md") if folder == ROOT else folder.rglob("*.md")


def test_links_of_files_lead_to_files_and_headings_on_github_too() -> None:
    broken = []
    for page in markdown():
        text = re.sub(r"^```.*?^```|`[^`\n]+`", "", page.read_text(), flags=re.M | re.S)
        for target, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)", text):
            if re.match(r"\w+:", target):
                continue
            file = (page.parent / target).resolve() if target else page
            if not file.exists():
                broken.append((page.name, target))
            elif anchor and anchor not in headings(file):
                broken.append((page.name, f"{target}#{anchor}"))
    assert broken == []


def headings(page: Path) -> set[str]:
    """Anchors as GitHub makes them: lower case, hyphens for spaces, no punctuation."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
