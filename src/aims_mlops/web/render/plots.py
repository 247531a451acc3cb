"""Where things lie in a picture: plain numbers, from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WIDTH, _HEIGHT, _ACROSS, _DOWN = 190, 30, 90, 12  # of a box, and the space between two


def layered(graph: Mapping[str, Any]) -> dict[str, Any]:
    """Boxes in columns by `rank`, left to right, and curves between them.

    graph : `nodes` with `id`, `rank`, `label`; `edges` with `from` and `to`. Empty ranks take no
    room, and a box stands near the mean height of those that lead to it.
    """
    ranks = sorted({node["rank"] for node in graph["nodes"]})
    before: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        before.setdefault(edge["to"], []).append(edge["from"])
    placed: dict[str, dict[str, Any]] = {}
    tallest = 0
    for column, rank in enumerate(ranks):
        boxes = [node for node in graph["nodes"] if node["rank"] == rank]

        def height(node: Mapping[str, Any]) -> float:
            found = [placed[id_]["y"] for id_ in before.get(node["id"], ()) if id_ in placed]
            return sum(found) / len(found) if found else 0.0

        for row, node in enumerate(sorted(boxes, key=height)):
            label = str(node["label"])
            placed[node["id"]] = {
                "rank": rank,
                "x": 1 + column * (_WIDTH + _ACROSS),
                "y": 1 + row * (_HEIGHT + _DOWN),
                "width": _WIDTH,
                "height": _HEIGHT,
                "label": label if len(label) <= 24 else label[:23] + "…",
            }
        tallest = max(tallest, len(boxes))
    edges = []
    for edge in graph["edges"]:
        a, b = placed.get(edge["from"]), placed.get(edge["to"])
        if a is not None and b is not None:
            x1, x2 = a["x"] + _WIDTH, b["x"]
            edges.append(
                {"x1": x1, "y1": a["y"] + _HEIGHT // 2, "x2": x2, "y2": b["y"] + _HEIGHT // 2,
                 "middle": (x1 + x2) // 2}
            )  # fmt: skip
    return {
        "nodes": list(placed.values()),
        "edges": edges,
        "width": 2 + len(ranks) * (_WIDTH + _ACROSS) - _ACROSS if ranks else 0,
        "height": 2 + tallest * (_HEIGHT + _DOWN) - _DOWN if ranks else 0,
    }
