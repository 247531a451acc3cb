"""Each promise of docs/promises.md stands where it is said to, and its tests exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ABSOLUTE = re.compile(r"\b(never|ever|nobody|always)\b", re.IGNORECASE)
# Told as a limit, not promised.
_LIMITS = ("A log that nobody outside holds a checkpoint of is *unanchored*",)

# Loaded by every Python process of the demo: notes each look-up and connection, and where to.
_WATCH = """
import json, os, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        place = arguments[1] if event != "socket.getaddrinfo" else (arguments[0],)
        host = place[0] if isinstance(place, tuple) else "a socket in the file system"
        with open(os.environ["AIMS_TEST_WATCH"], "a") as file:
            file.write(json.dumps([event, str(host)]) + "\\n")
sys.addaudithook(note)
"""
_HERE = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "None", "", "a socket in the file system")


def plain(text: str) -> str:
    return " ".join(text.split())


def promises() -> list[tuple[str, str, list[str]]]:
    rows = re.findall(
        r"^\| (.+) \| (\S+\.md) \| (.+) \|$", (ROOT / "docs/promises.md").read_text(), re.M
    )
    return [(words, page, re.findall(r"`([^`]+)`", tests)) for words, page, tests in rows]


def test_there_are_promises() -> None:
    assert len(promises()) > 10


@pytest.mark.parametrize(("words", "page", "tests"), promises(), ids=lambda v: str(v)[:40])
def test_promise_is_where_it_is_said_to_be_and_has_its_tests(
    words: str, page: str, tests: list[str]
) -> None:
    assert words in plain((ROOT / page).read_text())
    assert tests
    for test in tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).exists(), test
        if name:
            assert re.search(rf"def {name}\b", (ROOT / path).read_text()), test


_PAGES = ("README.md", "docs/evidence.md", "docs/explanation/*.md", "docs/tutorials/*.md")


@pytest.mark.parametrize(
    "page", sorted(str(p.relative_to(ROOT)) for pattern in _PAGES for p in ROOT.glob(pattern))
)
def test_page_promises_nothing_without_a_test(page: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    held = [words for words, where, _ in promises() if where == page]
    for sentence in re.split(r"(?<=[.:|])\s|\n\n|\n- ", text):
        if _ABSOLUTE.search(sentence):
            said = plain(sentence)
            assert any(words in said or said.rstrip(".:") in words for words in held) or any(
                limit in said for limit in _LIMITS
            ), said


@pytest.mark.slow
def test_demo_connects_to_nothing_outside_the_machine(tmp_path: Path) -> None:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(_WATCH)
    noted = tmp_path / "noted.jsonl"
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "diabetes_demo.py"), str(tmp_path / "demo")],
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path / "watch"),
            "AIMS_TEST_WATCH": str(noted),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    assert [event for event in events if event[1] not in _HERE] == []


def test_watch_of_the_demo_sees_a_connection(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_WATCH)
    noted = tmp_path / "noted.jsonl"
    script = (
        "import socket\ntry: socket.create_connection(('192.0.2.1', 9), 0.01)\nexcept OSError: 0"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "AIMS_TEST_WATCH": str(noted)},
        check=True,
    )
    assert "192.0.2.1" in noted.read_text()
