"""The house has no circles: imports run one way, those that only types need counted."""

from __future__ import annotations

from collections.abc import Iterable

import grimp
import pytest

PACKAGE = "aims_mlops"


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(PACKAGE, exclude_type_checking_imports=False, cache_dir=None)


def circles(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Sets of nodes each of which reaches all the others (Tarjan's components)."""
    after: dict[str, list[str]] = {}
    for start, end in edges:
        after.setdefault(start, []).append(end)
        after.setdefault(end, [])
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

    for node in list(after):
        if node not in order:
            visit(node)
    return found


def test_circle_is_found_and_a_line_is_none():
    assert circles([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")]) == [["a", "b", "c"]]
    assert circles([("a", "b"), ("b", "c"), ("a", "c")]) == []


def test_no_module_is_in_a_circle_of_imports(graph):
    edges = [
        (module, imported)
        for module in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(module))
    ]
    assert circles(edges) == []
