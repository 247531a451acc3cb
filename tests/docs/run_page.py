"""Run the examples of one Markdown page in order, and hold the output against what it prints.

    python run_page.py PAGE        in an empty folder

```python blocks run one after another in one namespace; a ```text block behind one is what it
prints. ```console blocks hold commands behind "$ " and what they print. In expected output, "…"
stands for any text within a line and a line of "…" alone for any lines. A digest, an id in hex or a
time stands for any of its kind, so that a page can show real output. A block with title="PATH"
behind its language is written to that file; `$ export NAME=VALUE` holds for what comes after it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

_BLOCK = re.compile(
    r'^```(python|console|text|\w+(?= title))(?: title="(\S+)")?\n(.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


_CHANGING = re.compile(
    r"(?P<hex>\b[0-9a-f]{12,64}\b)|(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)|(?P<any>…)"
)
# Whoever reads a page has a log already, or is told of the new one where it lies.
_NEW_LOG = re.compile(r"^aims: new evidence log .*\n", re.MULTILINE)
_ANY = {"hex": "[0-9a-f]{%d}", "time": r"\d{4}-\d\d-\d\dT[\d:.]+Z", "any": ".*?"}


def pattern(expected: str) -> re.Pattern[str]:
    """The expected output as a pattern with its ellipses, digests and times."""
    return re.compile("".join(map(_line_pattern, expected.rstrip("\n").split("\n"))))


def _line_pattern(line: str) -> str:
    if line.strip() == "…":
        return r"(?:.*\n)*?"
    parts, end = [], 0
    for match in _CHANGING.finditer(line):
        kind = str(match.lastgroup)
        any_of_it = _ANY[kind] % len(match[0]) if kind == "hex" else _ANY[kind]
        parts += [re.escape(line[end : match.start()]), any_of_it]
        end = match.end()
    return "".join([*parts, re.escape(line[end:])]) + r"[ ]*\n"


def commands(block: str) -> list[tuple[str, str]]:
    """The (command, expected output) pairs of a console block; a backslash continues a line."""
    pairs: list[tuple[str, str]] = []
    for line in block.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            pairs.append((line[2:], ""))
        elif pairs:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] + line + "\n")
    return pairs


def compare(what: str, expected: str, got: str) -> None:
    if expected.strip() and not pattern(expected).fullmatch(got.rstrip("\n") + "\n"):
        sys.exit(f"{what}\n--- the page says\n{expected}\n--- it printed\n{got}")


def run(page: Path) -> int:
    blocks = _BLOCK.findall(page.read_text())
    names: dict[str, object] = {"__name__": "__main__"}
    for index, (language, title, text) in enumerate(blocks):
        if title:
            Path(title).parent.mkdir(parents=True, exist_ok=True)
            Path(title).write_text(text)
        elif language == "python":
            out = io.StringIO()
            source = Path(f"{page.stem}_{index}.py")
            source.write_text(text)  # on disk, so that inspect finds the source of functions
            with contextlib.redirect_stdout(out):
                exec(compile(text, str(source), "exec"), names)
            if index + 1 < len(blocks) and blocks[index + 1][0] == "text":
                compare(text, blocks[index + 1][2], out.getvalue())
        elif language == "console":
            for command, expected in commands(text):
                if command.startswith("export "):
                    os.environ.update([command.removeprefix("export ").split("=", 1)])
                    continue
                done = subprocess.run(
                    ["bash", "-c", command], capture_output=True, text=True, check=False
                )
                got = done.stdout + _NEW_LOG.sub("", done.stderr)
                if done.returncode and not expected.strip():
                    sys.exit(f"$ {command}\nexit {done.returncode}\n{got}")
                compare(f"$ {command}", expected, got)
    return len(blocks)


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    print(f"{run(Path(sys.argv[1]))} blocks ran")
