"""Pages, hooks and examples import what is public, and nothing else (docs/stability.md)."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC = (
    "aims_mlops",
    "aims_mlops.__main__",
    "aims_mlops.errors",
    "aims_mlops.hookspecs",
    "aims_mlops.plugins",
    "aims_mlops.testing",
    "aims_verify",
)
_BLOCK = re.compile(r"^ *```(python|py)\b[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NAMES_OF_OURS = re.compile(r"\baims(?:\.\w+|_mlops(?:\.\w+)+)")


def sources() -> Iterator[tuple[str, str]]:
    """(where, Python text) of every example that somebody may copy."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield from blocks(page)
    for folder in ("hooks", "examples", "checks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()
        for page in sorted((ROOT / folder).rglob("*.md")):
            yield from blocks(page)


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Each block of Python on a page; one marked `py` may be a signature, which gets a body."""
    for number, (language, block) in enumerate(_BLOCK.findall(page.read_text())):
        text = textwrap.dedent(block)
        signature = language == "py" and re.fullmatch(r"\s*(async )?def .*", text, re.DOTALL)
        yield (
            f"{page.relative_to(ROOT)} block {number + 1}",
            f"{text.rstrip()}: ..." if signature else text,
        )


def ours(text: str) -> Iterator[tuple[str, str | None]]:
    """(module, name) of each import from our packages; name None where it is the module itself."""
    tree = ast.parse(text)
    face: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and is_ours(node.module):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in filter(lambda alias: is_ours(alias.name), node.names):
                yield alias.name, None
                face.add(alias.asname or alias.name)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name)) if name in face | {"aims"}:
                yield "aims_mlops", node.attr


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("aims_mlops", "aims_verify")


def not_public(text: str) -> list[str]:
    found = []
    for module, name in ours(text):
        whole = module if name is None else f"{module}.{name}"
        if whole in PUBLIC:
            continue
        if module not in PUBLIC or (name is not None and name not in public_names(module)):
            found.append(whole)
    return found


def public_names(module: str) -> set[str]:
    return set(importlib.import_module(module).__all__)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from aims_mlops.store.log.sql import SqlStore", ["aims_mlops.store.log.sql.SqlStore"]),
        ("import aims_mlops as aims\naims.hidden(1)", ["aims_mlops.hidden"]),
        ("import aims_mlops as aims\naims.gate('x')\nfrom aims_mlops import errors", []),
        ("from aims_mlops.plugins import hookimpl, manager", []),
    ],
)
def test_internal_import_in_a_page_is_seen(text, found):
    assert not_public(text) == found


def test_pages_hooks_and_examples_import_public_names_only():
    found = {where: names for where, text in sources() if (names := not_public(text))}
    assert found == {}


def test_a_page_names_no_internal_module_as_code():
    """`aims_mlops.inventory.project` in a sentence is an import that somebody will write."""
    found = {}
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        if page.name == "architecture.md":
            continue
        named = re.findall(r"`(aims_mlops(?:\.\w+)+)", _BLOCK.sub("", page.read_text()))
        if bad := [n for n in named if n not in PUBLIC and n.rpartition(".")[0] not in PUBLIC]:
            found[page.name] = bad
    assert found == {}


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_there(module):
    loaded = importlib.import_module(module)
    for name in getattr(loaded, "__all__", ()):
        assert getattr(loaded, name) is not None


def test_face_and_specifications_load_no_heavy_library():
    heavy = {"pandas", "numpy", "pyarrow", "sqlalchemy", "mlflow", "fastapi", "scipy", "sklearn"}
    script = (
        "import sys, aims_mlops, aims_mlops.errors, aims_mlops.hookspecs, aims_mlops.plugins; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not heavy & set(done.stdout.split())


def test_import_of_the_face_loads_nothing_else_of_ours():
    script = (
        "import sys, aims_mlops; "
        "print(*sorted(n for n in sys.modules if n.startswith('aims_mlops')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["aims_mlops"]
