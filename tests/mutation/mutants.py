"""The mutants of a file: one small change of logic each.

A mutant changes one comparison, boolean operator, negation, condition, number, truth value, sum or
difference, `continue` or returned value. What only words a message is left alone: numbers and
conditions inside a formatted text, and the choice between two texts.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

_OPPOSITE: dict[type, type] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_WORDS: dict[type, str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.And: "and",
    ast.Or: "or",
    ast.Add: "+",
    ast.Sub: "-",
    ast.BitAnd: "&",
    ast.BitOr: "|",
}


@dataclass(frozen=True)
class Mutant:
    """The `place`-th change of a file; `first` to `last` are the lines of the changed statement."""

    path: Path
    file: str
    place: int
    change: str
    line: int
    first: int
    last: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.change}: {self.text}"

    @cached_property
    def code(self) -> CodeType:
        """The changed module, compiled with the line numbers of the file."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        node, _ = list(_sites(tree))[self.place]
        tree = _Swap(node, _changed(node)).visit(tree)
        return compile(ast.fix_missing_locations(tree), str(self.path), "exec", dont_inherit=True)


def mutants(path: Path, file: str) -> list[Mutant]:
    """Every mutant of a file; `file` is its name for people."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    tree = ast.parse(source)
    statement = {
        id(part): node
        for node in ast.walk(tree)  # outer statements first, so that the innermost one stays
        if isinstance(node, ast.stmt)
        for part in ast.walk(node)
    }
    found = []
    twins: Counter[tuple[str, str]] = Counter()
    for place, (node, change) in enumerate(_sites(tree)):
        around = statement[id(node)]
        body = getattr(around, "body", None)
        last = body[0].lineno - 1 if isinstance(body, list) else around.end_lineno or around.lineno
        text = lines[node.lineno - 1].strip()
        twins[change, text] += 1
        if twins[change, text] > 1:
            change += f" ({twins[change, text]})"
        found.append(
            Mutant(
                path, file, place, change, node.lineno, around.lineno, max(last, node.lineno), text
            )
        )
    return found


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else self.generic_visit(node)


def _sites(tree: ast.AST) -> Iterator[tuple[Any, str]]:
    wording = {
        part
        for text in ast.walk(tree)
        if isinstance(text, ast.JoinedStr) or _chooses_text(text)
        for part in ast.walk(text)
    }
    wording |= {part for said in _declarations(tree) for part in ast.walk(said)}
    for node in ast.walk(tree):
        if node in wording:
            continue
        if isinstance(node, ast.If | ast.IfExp) and not _for_types(node):
            yield node, "condition negated"
        elif isinstance(node, ast.Compare | ast.BoolOp) or (
            isinstance(node, ast.BinOp) and type(node.op) in _OPPOSITE
        ):
            yield node, f"{_word(node)} -> {_word(_changed(copy.deepcopy(node)))}"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, "not dropped"
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
            yield node, f"{node.value} -> {_changed(copy.deepcopy(node)).value}"
        elif isinstance(node, ast.Return) and not _is_none(node.value):
            yield node, "returns None"
        elif isinstance(node, ast.Continue):
            yield node, "continue dropped"


def _word(node: Any) -> str:
    """The operator that a mutant changes, as Python writes it."""
    operator = node.ops[0] if isinstance(node, ast.Compare) else node.op
    return _WORDS[type(operator)]


def _declarations(tree: ast.AST) -> Iterator[ast.expr]:
    """Annotations and decorators, which say what a thing is and decide nothing."""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if (said := getattr(node, field, None)) is not None:
                yield said
        yield from getattr(node, "decorator_list", ())


def _chooses_text(node: ast.AST) -> bool:
    return isinstance(node, ast.IfExp) and all(map(_is_text, (node.body, node.orelse)))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _changed(node: Any) -> Any:
    if isinstance(node, ast.If | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Compare):
        node.ops[0] = _OPPOSITE[type(node.ops[0])]()
    elif isinstance(node, ast.BoolOp | ast.BinOp):
        node.op = _OPPOSITE[type(node.op)]()
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(None)
    elif isinstance(node, ast.Continue):
        return ast.copy_location(ast.Pass(), node)
    return node
