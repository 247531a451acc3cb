"""The words of docs/glossary.md: what its second table says we do not say is said nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
# Stored words, and the page that names what is not said.
_STORED = ("src/aims_mlops/evidence/schemas/", "tests/fixtures/")
_TITLE_OF_A_SCHEMA = "a data set: digest, schema, profile, origin"
_READ_FROM_OLD_RECORDS = re.compile(r"^_SAID_BEFORE = .*$", re.MULTILINE)
_TEXTS = (".md", ".py", ".j2", ".html", ".toml", ".yml", ".sh", "Makefile")
_FOLDERS = ("docs", "src", "hooks", "examples", "changelog.d", ".github")


def unwanted() -> list[str]:
    table = GLOSSARY.read_text().split("## What we do not say", 1)[1]
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)[1:]
    return [word.strip() for row in rows for word in row.split(",")]


def files() -> Iterator[Path]:
    yield from (path for path in ROOT.glob("*") if path.is_file())
    for folder in _FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.is_file())


def said_in(text: str, word: str) -> list[int]:
    """The lines of a text where a word is said, also over the end of a line."""
    gap = r"(?:[ \t]|\s*\n[ \t]*(?:#:?|>|//)?[ \t]*)"
    pattern = re.compile(rf"\b{gap.join(map(re.escape, word.split()))}\b", flags_of(word))
    return [text.count("\n", 0, match.start()) + 1 for match in pattern.finditer(text)]


def flags_of(word: str) -> re.RegexFlag:
    """Case counts only where it is the point: statement of applicability."""
    return re.NOFLAG if word == "statement of applicability" else re.IGNORECASE


def test_glossary_names_words_to_keep_and_words_to_leave() -> None:
    assert {"data set", "valid decision"} & set(unwanted()) == {"data set"}
    assert len(unwanted()) > 10


@pytest.mark.parametrize("word", unwanted())
def test_word_that_is_not_ours_is_said_nowhere(word: str) -> None:
    found = []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        if path == GLOSSARY or name.startswith(_STORED) or not name.endswith(_TEXTS):
            continue
        text = _READ_FROM_OLD_RECORDS.sub("", path.read_text()).replace(_TITLE_OF_A_SCHEMA, "")
        found += [f"{name}:{line}" for line in said_in(text, word)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a data set", [1]),
        ("Data set", [1]),
        ("one\nof a data\n    set here", [2]),
        ("# of a data\n# set here", [1]),
        ("a dataset, data settings, database set", []),
    ],
)
def test_word_is_found_also_over_the_end_of_a_line(text: str, lines: list[int]) -> None:
    assert said_in(text, "data set") == lines


def test_words_of_the_glossary_are_in_order_and_once() -> None:
    table = GLOSSARY.read_text().split("## What we do not say", 1)[0]
    words = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[2:]
    assert words == sorted(words, key=str.lower)
    assert len(words) == len(set(words))
