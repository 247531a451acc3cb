"""The house has no circles, type imports counted; and the script that measures it counts right."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from support.house import between_folders, body_accesses, components, imports, kind_lists, source


@pytest.fixture(scope="module")
def edges():
    return imports()


def test_no_module_is_in_a_circle_of_imports(edges):
    assert len(edges) > 1000
    assert components(edges) == []


def test_no_two_folders_import_each_other(edges):
    folders = between_folders(edges)
    assert len(folders) > 100
    circles = components(folders)
    ties = {
        pair: folders[pair] for circle in circles for pair in folders if set(pair) <= set(circle)
    }
    assert circles == [], ties


def test_errors_import_the_sanitizer_alone_and_that_imports_nothing(edges):
    """What every message passes through; it is below the errors, and not a part of `evidence/`."""
    ours = [pair for pair in edges if pair[1].startswith("aims_mlops")]
    assert [b for a, b in ours if a == "aims_mlops.errors"] == ["aims_mlops.visible"]
    assert [b for a, b in ours if a in ("aims_mlops.visible", "aims_mlops.plugins")] == []


def test_circle_is_found_and_a_line_is_none():
    assert components([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]) == [["a", "b", "c"]]
    assert components([("a", "b"), ("b", "c"), ("a", "c")]) == []


def test_folders_of_modules_that_lie_apart_are_compared():
    edges = [
        ("aims_mlops.gates.gate", "aims_mlops.gates.decision.decide"),
        ("aims_mlops.gates.decision.request", "aims_mlops.gates.gate"),
        ("aims_mlops.gates.gate", "aims_mlops.errors"),
    ]
    assert components(between_folders(edges)) == [["aims_mlops.gates", "aims_mlops.gates.decision"]]


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ('body["model"]', 1),
        ('record.evidence.body.get("model")', 1),
        ('record.evidence.body["model"]["name"]', 2),
        ('body.get("request", {}).get("alias")', 2),
        ('"model" in record.evidence.body', 1),
        ("body[name]", 0),
        ('settings["model"]', 0),
        ("record.evidence.body", 0),
    ],
)
def test_access_to_a_body_by_key_is_counted(code, count):
    assert body_accesses(ast.parse(code)) == count


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ('x = ("approval", "waiver")', 1),
        ('x = {"approval": 1, "waiver": 2}', 1),
        ('x = frozenset(["approval", "waiver"])', 1),
        ('x = ("approval",)', 0),
        ('x = ("approval", "apple")', 0),
        ('x = ("approval", name)', 0),
    ],
)
def test_list_of_kinds_by_hand_is_counted(code, count):
    assert kind_lists(ast.parse(code), frozenset(("approval", "waiver"))) == count


def test_no_file_is_longer_than_400_lines():
    lengths = {p.name: p.read_text().count("\n") for p in source().parent.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_names_of_modules_in_sentences_lead_to_modules():
    """`gates.gate` in a docstring or on a page is where somebody will look."""
    package = source()
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    modules = {
        ".".join(p.relative_to(package).with_suffix("").parts) for p in package.rglob("*.py")
    }
    folders = {".".join(p.parent.relative_to(package).parts) for p in package.rglob("*.py")}
    trees = [ast.parse(path.read_text()) for path in package.rglob("*.py")]
    defined = {
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    root = Path(__file__).parents[2]
    wrong = []
    for path in (*package.rglob("*.py"), *(root / "docs").rglob("*.md")):
        for room, following in re.findall(r"`([a-z_]+)\.([a-z_]+)\b[\w.]*`", path.read_text()):
            name = f"{room}.{following}"
            if (
                room in rooms
                and name not in modules | folders
                and following not in {*defined, "aims"}
            ):  # a bundle
                wrong.append(f"{path.relative_to(root)}: {name}")
    assert wrong == []
