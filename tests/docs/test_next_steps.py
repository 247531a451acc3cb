"""Every command that a message of ours tells somebody to run is one that runs.

The strings of the package are read, not the messages that a test happens to provoke. What a message
fills in counts as a word. A command ends where its sentence goes on in words that it does not take.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from aims_mlops.cli.main import app

SOURCE = Path(__file__).parents[2] / "src" / "aims_mlops"
_FILLED = "filled-in"
_COMMAND = re.compile(r"(?<![.<\w])aims ([a-z][a-z-]*\b(?:[^;:`\n(]|:(?=/))*)")
_PROSE = re.compile(r",(?: |$)|\.(?: |$)|\)")
# A word about the gate that nobody is to type: the name of a test suite in JUnit's XML.
_NAMES = frozenset({"exports/gate_decision/junit.py"})


def _strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is no docstring; what an f-string fills in is a word."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            passed.add(id(body[0].value))
        if id(node) in passed:
            continue
        if isinstance(node, ast.JoinedStr):
            passed.update(id(part) for part in ast.walk(node))
            parts = (str(v.value) if isinstance(v, ast.Constant) else _FILLED for v in node.values)
            yield node.lineno, re.sub(rf"(?<=[a-z]){_FILLED}", f" {_FILLED}", "".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def commands() -> Iterator[tuple[str, str]]:
    """(where, words behind `aims`) of every command in the strings of the package."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).as_posix() in _NAMES:
            continue
        for line, text in _strings(ast.parse(path.read_text(encoding="utf-8"))):
            # A step of a life cycle is told for each kind that has one.
            text = text.replace(f"aims {_FILLED} ", "aims incident ")
            for found in _COMMAND.finditer(text):
                words = _PROSE.split(found[1])[0].strip()
                yield f"{path.relative_to(SOURCE)}:{line}", words


def problem_of(words: list[str]) -> str | None:
    """Why the parser does not take these words; None if it does."""
    try:
        context = app.make_context("aims", list(words))
        command: click.Command = app
        rest = [*context._protected_args, *context.args]
        while isinstance(command, click.Group):
            if not rest and command.invoke_without_command:
                return None
            if not rest:
                return "it needs a command of the group"
            name, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found
            context = command.make_context(name, list(rest), parent=context)
            if isinstance(command, click.Group):
                rest = [*context._protected_args, *context.args]
    except click.BadParameter as error:
        fits = error.param is not None and not isinstance(error, click.MissingParameter)
        stands_for = isinstance(getattr(error.param, "type", None), click.Path | click.ParamType)
        return None if fits and stands_for and not _is_choice(error) else error.format_message()
    except click.ClickException as error:
        return error.format_message()
    except click.exceptions.Exit:
        return None
    return None


def _is_choice(error: click.BadParameter) -> bool:
    kind = getattr(error.param, "type", None)
    return isinstance(kind, click.Choice) and _FILLED not in error.message


def why_not(words: str) -> str | None:
    """Why no beginning of a sentence is a whole command; None if one is."""
    try:
        split = shlex.split(words)
    except ValueError:
        split = words.split()
    first = None
    for end in range(len(split), 0, -1):
        if end < len(split) and split[end].startswith("-"):
            continue
        problem = problem_of(split[:end])
        if problem is None:
            return None
        first = first or problem
    return first or problem_of(split)


def test_every_command_that_is_told_can_be_run() -> None:
    found = [(where, words, why_not(words)) for where, words in commands()]
    assert len(found) > 150
    wrong = [f"{where}: aims {words}: {why}" for where, words, why in found if why is not None]
    assert wrong == []


@pytest.mark.parametrize(
    "words",
    ["assess", "assess new", "evidence shwo x", "gate MODEL --fro x", "token create NAME",
     "evidence list --kind"],
)  # fmt: skip
def test_command_that_is_not_whole_is_found(words: str) -> None:
    assert why_not(words) is not None
