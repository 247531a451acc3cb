"""Figures of the house: what a newcomer, and whoever has to change it, meets.

    python tests/support/house.py            as lines to read
    python tests/support/house.py --json     as one JSON object

It looks at the package that `import aims_mlops` finds, so that PYTHONPATH=OLD/src gives the figures
of an older state. It knows no module of the package by name: only the face and the command `aims`.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

PACKAGE = "aims_mlops"
LONG, SHORT, CROWDED = 300, 40, 12  # lines of a file, lines, files of a folder


def source() -> Path:
    """The folder of the package."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations)))


def files() -> list[Path]:
    """Every file of code, but those that only say what a folder is."""
    return sorted(path for path in source().rglob("*.py") if path.name != "__init__.py")


# ---- imports


def components(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Sets of two or more nodes, each of which reaches all the others, by size (Tarjan)."""
    after: defaultdict[str, list[str]] = defaultdict(list)
    for start, end in sorted(set(edges)):
        after[start].append(end)
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        path.append(node)
        for following in after[node]:
            if following not in order:
                visit(following)
            if following in path:
                lowest[node] = min(lowest[node], lowest[following])
        if lowest[node] == order[node]:
            together = path[path.index(node) :]
            del path[path.index(node) :]
            if len(together) > 1:
                found.append(sorted(together))

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        for node in list(after):
            if node not in order:
                visit(node)
    finally:
        sys.setrecursionlimit(limit)
    return sorted(found, key=len, reverse=True)


def imports() -> list[tuple[str, str]]:
    """(module, module that it imports), imports that only types need among them."""
    import grimp

    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=False, cache_dir=None)
    return [
        (module, imported)
        for module in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(module))
    ]


def folder_of(module: str, packages: set[str]) -> str:
    """The folder that a module lies in; one at the top of the package stands for itself."""
    folder = module if module in packages else module.rpartition(".")[0]
    return module if folder == PACKAGE else folder


def between_folders(edges: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """{(folder, folder that it imports): 'module -> module' of each}, the face left out."""
    root = source()
    packages = {
        ".".join((PACKAGE, *path.parent.relative_to(root).parts))
        for path in root.rglob("__init__.py")
    }
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for module, imported in edges:
        pair = folder_of(module, packages), folder_of(imported, packages)
        if pair[0] != pair[1] and PACKAGE not in (module, imported):
            found[pair].append(f"{module} -> {imported}")
    return dict(found)


# ---- bodies and kinds by hand


def kinds() -> frozenset[str]:
    """The kinds of evidence, by their published schemas."""
    return frozenset(path.stem.rpartition("-v")[0] for path in source().rglob("schemas/*-v*.json"))


def _is_body(node: ast.expr) -> bool:
    """Whether an expression is a record's body or something inside one."""
    if isinstance(node, ast.Name):
        return node.id == "body"
    if isinstance(node, ast.Attribute):
        return node.attr == "body"
    if isinstance(node, ast.Subscript):
        return _is_body(node.value)
    return isinstance(node, ast.Call) and _asks_body(node)


def _asks_body(node: ast.Call) -> bool:
    called = node.func
    return (
        isinstance(called, ast.Attribute)
        and called.attr in ("get", "pop", "setdefault")
        and bool(node.args)
        and _is_text(node.args[0])
        and _is_body(called.value)
    )


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def body_accesses(tree: ast.AST) -> int:
    """How often a field of a body is read or written by a string key."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            count += _is_text(node.slice) and _is_body(node.value)
        elif isinstance(node, ast.Call):
            count += _asks_body(node)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            count += _is_text(node.left) and _is_body(node.comparators[0])
    return count


def kind_lists(tree: ast.AST, known: frozenset[str]) -> int:
    """Literals of two or more texts all of which are kinds of evidence."""
    count = 0
    for node in ast.walk(tree):
        parts: list[Any] = []
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = node.elts
        elif isinstance(node, ast.Dict):
            parts = node.keys
        texts = [p.value for p in parts if isinstance(p, ast.Constant)]
        count += len(set(texts)) > 1 and len(texts) == len(parts) and known.issuperset(texts)
    return count


# ---- ways


def traced(action: Callable[[], object]) -> set[str]:
    """Modules of ours of which a function was entered; what runs as a module is imported is not."""
    entered: set[str] = set()

    def note(frame: Any, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            name = str(frame.f_globals.get("__name__"))
            if name.startswith(f"{PACKAGE}."):
                entered.add(name)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return entered


class Scorecard:
    """A model that can be recorded and asks for no library."""

    def predict(self, rows: list[float]) -> list[int]:
        return [int(row > 0.5) for row in rows]


def train() -> None:
    """One training: a table, a model in a file, a check; from the decorator to the log."""
    import aims_mlops as aims

    @aims.training(system="loans", mlflow=False, quality=False)
    def run(data: Any, depth: int = 3) -> None:
        current = aims.current_run()
        test = aims.dataset({"x": [1.0, 3.0], "y": [0, 1]}, "loans-test", role="test")
        current.check(y_true=test["y"] * 50, y_pred=[0, 1] * 50, dataset="loans-test")
        current.model("model.txt")

    run(aims.dataset({"x": [1.0, 2.0], "y": [0, 1]}, "loans-train", role="train"))


def command(*arguments: str) -> int:
    """The command `aims`; its exit code."""
    from importlib.metadata import entry_points

    (point,) = entry_points(group="console_scripts", name="aims")
    try:
        point.load()(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def way(name: str) -> dict[str, Any]:
    """Modules entered on one of the two ways, in an empty folder. Runs in a process of its own."""
    Path("model.txt").write_text("a scorecard")
    command("init", "--system", "loans")
    if name == "record":
        return {"modules": sorted(traced(train))}
    train()
    codes: list[int] = []
    modules = traced(lambda: codes.append(command("gate", "model.txt", "--for", "production")))
    return {"modules": sorted(modules), "exit": codes[0]}


def ways() -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, what `way` says) of each; the command's own output goes nowhere."""
    for name in ("decision", "record"):
        with tempfile.TemporaryDirectory() as folder:
            settings = {k: v for k, v in os.environ.items() if not k.startswith("AIMS_")}
            search = (str(source().parent), os.environ.get("PYTHONPATH", ""))
            settings |= {
                "AIMS_ACTOR": "ana",
                "AIMS_MLFLOW": "off",
                "HOME": folder,
                "PYTHONPATH": os.pathsep.join(filter(None, search)),
            }
            answer = Path(folder) / "answer.json"
            done = subprocess.run(
                [sys.executable, __file__, "--way", name, str(answer)],
                cwd=folder,
                env=settings,
                capture_output=True,
                text=True,
                check=False,
            )
            if not answer.is_file():
                sys.exit(f"the way of a {name} did not end:\n{done.stdout}{done.stderr}")
            yield name, json.loads(answer.read_text())


def figures() -> dict[str, Any]:
    """Every figure, by name."""
    edges = imports()
    together = components(edges)
    folders = between_folders(edges)
    lines = {path: len(path.read_text().splitlines()) for path in files()}
    trees = [ast.parse(path.read_text()) for path in files()]
    accesses = [body_accesses(tree) for tree in trees]
    known = kinds()
    lists = [kind_lists(tree, known) for tree in trees]
    per_folder = Counter(path.parent for path in files())
    crowded = {
        str(folder.relative_to(source().parent)): count
        for folder, count in sorted(per_folder.items())
        if count > CROWDED
    }
    found: dict[str, Any] = {
        "files": len(lines),
        "lines": sum(lines.values()),
        "import circles": len(together),
        "modules in the largest circle": len(together[0]) if together else 0,
        "modules in circles": sum(map(len, together)),
        "folders in circles": sum(map(len, components(folders))),
        f"files over {LONG} lines": sum(count > LONG for count in lines.values()),
        f"files under {SHORT} lines": sum(count < SHORT for count in lines.values()),
        "accesses to bodies by string key": sum(accesses),
        "files with such accesses": sum(map(bool, accesses)),
        "lists of kinds by hand": sum(lists),
        "files with such lists": sum(map(bool, lists)),
        f"folders with more than {CROWDED} files": crowded,
    }
    for name, told in ways():
        found[f"modules entered by a {name}"] = len(told["modules"])
    return found


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--way"]:
        name, answer = arguments[1:]
        Path(answer).write_text(json.dumps(way(name)))
        return
    found = figures()
    if "--json" in arguments:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{len(value):>7}  {name}")
            for folder, count in value.items():
                print(f"{count:>11}  {folder}/")
        else:
            print(f"{value:>7}  {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
