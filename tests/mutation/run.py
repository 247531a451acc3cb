"""Mutation testing of the gate and of assessments: does a test notice each small change of logic?

    python tests/mutation/run.py [--jobs 2] [--only gates/decide.py] [--sample N]

Each mutant changes one comparison, boolean operator, negation, condition, number, truth value, sum
or difference, `continue` or returned value. What only words a message is left alone: numbers and
conditions inside a formatted text, and the choice between two texts. A mutant lives in a process of
its own, forked from one that has imported the libraries; nothing on disk is touched. Survivors that
README.md beside this file explains are read from there. Exit 0: at least 95 % killed, and every
survivor explained.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.abc
import importlib.util
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "aims_mlops"
FOLDERS = ("gates", "assessments")
# The nearest tests first: most mutants do not outlive them.
TESTS = {
    "gates": ("tests/unit/gates", "tests/adversary/gates", "tests/unit/assessments"),
    "assessments": ("tests/unit/assessments", "tests/adversary/gates", "tests/unit/gates"),
}
LEAST_KILLED = 0.95
SECONDS = 240

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


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the file below aims_mlops/, the line, what was changed, the text of the line."""

    file: str
    line: int
    change: str
    text: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.file}: {self.change}: {self.text}"


def mutants(file: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    source = file.read_text(encoding="utf-8")
    count = len(list(_sites(ast.parse(source))))
    lines = source.splitlines()
    for place in range(count):
        tree = ast.parse(source)
        node, change = list(_sites(tree))[place]
        changed = _changed(node)
        tree = ast.fix_missing_locations(_Swap(node, changed).visit(tree))
        line = getattr(node, "lineno", 1)
        yield Mutant(
            str(file.relative_to(SOURCE)), line, change, lines[line - 1].strip(), ast.unparse(tree)
        )


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
            yield node, "operator swapped"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, "not dropped"
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int):
            yield node, "constant changed"
        elif isinstance(node, ast.Return) and not _is_none(node.value):
            yield node, "returns None"
        elif isinstance(node, ast.Continue):
            yield node, "continue dropped"


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


def _changed(node: Any) -> ast.AST:
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


class _Serve(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports one module from changed code."""

    def __init__(self, mutant: Mutant) -> None:
        self._module = "aims_mlops." + mutant.file.removesuffix(".py").replace("/", ".")
        self._code = mutant.code

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self._module:
            return None
        return importlib.util.spec_from_loader(name, self, origin=self.get_filename(name))

    def get_filename(self, name: str) -> str:
        return str(SOURCE / name.removeprefix("aims_mlops.").replace(".", "/")) + ".py"

    def get_data(self, path: Any) -> bytes:
        return self._code.encode()

    def path_stats(self, path: Any) -> Any:
        raise OSError  # no byte code is read or written


def survives(mutant: Mutant) -> bool:
    """Whether every test passes with the change."""
    return all(_passes(mutant, tests) for tests in TESTS[mutant.file.partition("/")[0]])


def _passes(mutant: Mutant | None, tests: str) -> bool:
    """Whether a folder of tests passes with the change, or with none."""
    child = os.fork()
    if child == 0:
        os.setsid()
        with Path(os.devnull).open("w") as null:
            os.dup2(null.fileno(), 1)
            os.dup2(null.fileno(), 2)
        code = 1
        try:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder
                if mutant is not None:
                    sys.meta_path.insert(0, _Serve(mutant))
                import pytest

                quiet = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist")
                code = int(pytest.main([*quiet, f"--basetemp={folder}/t", tests]))
        finally:
            os._exit(code)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)  # it hangs, which somebody would notice
    os.waitpid(child, 0)
    return False


def _warm() -> None:
    """Import what no mutant touches, so that a fork starts with it."""
    for name in (
        "pytest",
        "hypothesis",
        "click.testing",
        "sqlalchemy",
        "aims_mlops.policy.loading",
        "aims_mlops.inventory.project",
        "aims_mlops.store.sql",
        "aims_mlops.store.opening",
    ):
        importlib.import_module(name)
    loaded = [m for m in sys.modules if re.match(r"aims_mlops\.(gates|assessments)\b", m)]
    if loaded:
        raise SystemExit(f"already imported, so that no mutant of it would be seen: {loaded}")


def _explained() -> set[str]:
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"^- `(.+)`$", text, re.MULTILINE))


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--only", help="a file below src/aims_mlops/")
    options.add_argument("--sample", type=int, help="this many of them, the same each time")
    chosen = options.parse_args(arguments)
    os.chdir(ROOT)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    files = [SOURCE / chosen.only] if chosen.only else []
    files = files or [file for f in FOLDERS for file in sorted((SOURCE / f).glob("*.py"))]
    todo = [mutant for file in files for mutant in mutants(file)]
    if chosen.sample:
        todo = random.Random(0).sample(todo, min(chosen.sample, len(todo)))
    _warm()
    if not all(_passes(None, tests) for tests in TESTS["gates"]):
        print("the tests fail without any mutant")
        return 2
    print(f"{len(todo)} mutants", flush=True)
    survivors, explained = [], _explained()
    with ThreadPoolExecutor(chosen.jobs) as pool, contextlib.suppress(KeyboardInterrupt):
        for number, (mutant, alive) in enumerate(zip(todo, pool.map(survives, todo), strict=True)):
            if alive:
                survivors.append(mutant)
                known = "explained" if mutant.name in explained else "SURVIVES"
                print(
                    f"{number + 1}/{len(todo)} {known} line {mutant.line} {mutant.name}", flush=True
                )
    unexplained = [mutant for mutant in survivors if mutant.name not in explained]
    share = 1 - len(survivors) / len(todo)
    print(
        f"{len(todo) - len(survivors)} of {len(todo)} killed ({share:.1%}); "
        f"{len(survivors)} survive, {len(unexplained)} of them unexplained"
    )
    return 0 if share >= LEAST_KILLED and not unexplained else 1


if __name__ == "__main__":
    sys.exit(main())
