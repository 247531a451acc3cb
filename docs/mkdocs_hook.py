"""What mkdocs asks while it builds the site: pages from code, and links that leave docs/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

from generated import commands as command_line
from generated import decisions, http, links, navigation, project, python, records, settings

SECTIONS = (python, command_line, records, settings, http)


def on_config(config: Any) -> Any:
    """Put the generated pages into the navigation."""
    for section in SECTIONS:
        navigation.add(config.nav, "Reference", section.TITLE, section.pages())
    navigation.add(config.nav, "Project", None, project.pages())
    navigation.add(config.nav, "Decisions", None, decisions.pages())
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages to those that lie under docs/."""
    for section in (*SECTIONS, project):
        for page in section.pages():
            files.append(File.generated(config, page.path, content=page.text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Add the table of decisions to its page; point links out of docs/ to where the files are."""
    if page.file.src_uri == "adr/README.md":
        markdown += "\n" + decisions.table()
    return links.for_site(markdown, page.file.src_uri)
