"""Which figures a rule's `group` selects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aims_mlops.policy.grammar import GroupSelector

EVERY_GROUP = "*"  # the label of a figure that compares all groups of a column


def is_selected(figure: Mapping[str, Any], selector: GroupSelector) -> bool:
    """Whether a figure belongs to the group that a rule asks about."""
    group = figure.get("group")
    if selector == "every":
        return True
    if selector == "overall":
        return not group
    if not isinstance(group, Mapping) or not group:
        return False
    if selector == "each":
        return EVERY_GROUP not in group.values()
    return dict(group) == dict(selector)


def group_text(group: Any) -> str:
    """A group for people, such as 'sex=F & age=60+'; 'overall' for no group."""
    if not isinstance(group, Mapping) or not group:
        return "overall"
    return " & ".join(
        f"{column} compared" if label == EVERY_GROUP else f"{column}={label}"
        for column, label in group.items()
    )


def selector_text(selector: GroupSelector) -> str:
    """A selector for people."""
    words = {"overall": "overall", "each": "each group", "every": "every figure"}
    return words[selector] if isinstance(selector, str) else group_text(selector)
