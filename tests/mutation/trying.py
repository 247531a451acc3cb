"""The tests, collected once; each mutant meets those that reach its line in a fork of its own."""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from mutants import Mutant
from swapping import NothingChangedError, swap

SECONDS = 60  # more than the longest test takes; whoever hangs is noticed


class Trying:
    """A pytest plugin that runs `job` with itself instead of the tests, once they are collected.

    folders : absolute, where the mutants are.
    within : tests that take longer, in seconds, try no mutant.
    """

    def __init__(
        self, folders: Sequence[Path], job: Callable[[Trying], int], *, within: float
    ) -> None:
        self._within = within
        self._folders = tuple(f"{folder}/" for folder in folders)
        self._job = job
        self._failed = False
        self._items: list[pytest.Item] = []
        self._reached: dict[int, set[tuple[str, int]]] = {}
        self._order: list[int] = []
        self._kills: Counter[tuple[str, int]] = Counter()
        self.answer = 2

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = list(session.items)
        self.answer = self._job(self) if self._see() else 2
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    def _see(self) -> bool:
        """Run every test once without a mutant: what it reaches, how long it takes; all pass."""
        with tempfile.NamedTemporaryFile() as file:
            child = os.fork()
            if child == 0:
                _end(self._seen, Path(file.name))
            done = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            seen = json.loads(file.read() or "[]")
        for index, (_, lines) in enumerate(seen):
            self._reached[index] = {(path, line) for path, line in lines}
        quick = [index for index in self._reached if seen[index][0] <= self._within]
        self._order = sorted(quick, key=lambda index: seen[index][0])
        return done

    def _seen(self, file: Path) -> int:
        found = []
        for item in self._items:
            lines: set[tuple[str, int]] = set()
            trace = _Trace(self._folders, lines)
            begun = time.monotonic()
            threading.settrace(trace.call)
            sys.settrace(trace.call)
            self._run(item)
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            if self._failed:
                sys.__stderr__.write(f"fails without any mutant: {item.nodeid}\n")
                return 1
            found.append((time.monotonic() - begun, sorted(lines)))
        file.write_text(json.dumps(found))
        return 0

    def survive(self, mutants: Sequence[Mutant], jobs: int) -> Iterator[tuple[Mutant, bool]]:
        """Each mutant with whether every test that reaches it passes; as they are done."""
        running: dict[int, tuple[Mutant, mmap.mmap]] = {}
        for mutant in mutants:
            while len(running) >= jobs:
                yield self._next(running)
            killer = mmap.mmap(-1, 4)  # shared with the fork, which writes into it what it found
            child = os.fork()
            if child == 0:
                _end(self._try, (mutant, killer))
            running[child] = mutant, killer
        while running:
            yield self._next(running)

    def _next(self, running: dict[int, tuple[Mutant, mmap.mmap]]) -> tuple[Mutant, bool]:
        child, status = os.wait()
        mutant, killer = running.pop(child)
        (index,) = struct.unpack("i", killer[:])
        if index and os.waitstatus_to_exitcode(status):
            self._kills[mutant.file, index - 1] += 1
        return mutant, os.waitstatus_to_exitcode(status) == 0

    def _try(self, asked: tuple[Mutant, mmap.mmap]) -> int:
        mutant, killer = asked
        swap("aims_mlops." + mutant.file.removesuffix(".py").replace("/", "."), mutant.code)
        lines = {(str(mutant.path), n) for n in range(mutant.first, mutant.last + 1)}
        # What killed mutants of this file before comes first, then the quickest.
        for index in sorted(self._order, key=lambda index: -self._kills[mutant.file, index]):
            if not self._reached[index].isdisjoint(lines) or _is_global(mutant):
                signal.alarm(SECONDS)
                self._run(self._items[index])
                if self._failed:
                    killer[:] = struct.pack("i", index + 1)
                    return 1
        return 0

    def _run(self, item: pytest.Item) -> None:
        # Each test sets up and takes down all of its own fixtures.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


class _Trace:
    def __init__(self, folders: tuple[str, ...], lines: set[tuple[str, int]]) -> None:
        self._folders, self._lines = folders, lines

    def call(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self.line if frame.f_code.co_filename.startswith(self._folders) else None

    def line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self.line


def _is_global(mutant: Mutant) -> bool:
    """Whether the change is outside every function, where no test runs by."""
    import ast

    tree = ast.parse(mutant.path.read_text(encoding="utf-8"))
    return not any(
        node.body[0].lineno <= mutant.line <= (node.end_lineno or 0)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def _end(work: Callable[[Any], int], argument: Any) -> None:
    """Work in this fork, in a folder of its own, and end it with what came of it."""
    from _pytest.tmpdir import TempPathFactory

    code = 1
    try:
        with tempfile.TemporaryDirectory() as folder:
            with Path(os.devnull).open("w") as null:
                os.dup2(null.fileno(), 1)
            TempPathFactory._basetemp = Path(folder)  # type: ignore[assignment]
            code = work(argument)
    except NothingChangedError:
        code = 0  # no test can tell it from the real code, so that it survives
    except BaseException as error:
        sys.__stderr__.write(f"{type(error).__name__}: {error}\n")
    finally:
        os._exit(code)
