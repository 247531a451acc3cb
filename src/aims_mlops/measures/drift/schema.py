"""Columns that are missing, new or retyped, and columns that nothing can be said of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aims_mlops.measures.drift.reference_blob import samples_equal_form
from aims_mlops.measures.drift.samples.read_columns import ColumnRead, TableRead

_NAMES = {
    "number": "numbers",
    "boolean": "booleans",
    "text": "text",
    "time": "times without a time zone",
    "zoned time": "times with a time zone",
    "vector": "vectors",
    "empty": "no values",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the columns themselves; `raises` makes the batch's verdict `drift`."""

    column: str
    kind: Literal["missing", "new", "retyped", "not measured", "late labels", "values left out"]
    text: str
    raises: bool = False
    unmeasured: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {"column": self.column, "finding": self.kind, "text": self.text}


def schema_findings(
    before: TableRead,
    after: TableRead,
    chosen: Sequence[str],
    look_for_new: bool,
    target: str | None,
) -> tuple[list[Finding], list[str]]:
    """What is wrong with columns, and the columns that can be compared, in order."""
    findings: list[Finding] = []
    comparable: list[str] = []
    for name in chosen:
        first, second = before.columns[name], after.columns.get(name)
        finding = _absent(name, target) if second is None else _differs(first, second)
        if finding is None and second is not None:
            comparable.append(name)
            findings += _left_out(name, first, second)
        elif finding is not None:
            findings.append(finding)
    if look_for_new:
        findings += [
            Finding(name, "new", "the reference does not have this column")
            for name in after.columns
            if name not in before.columns
        ]
    return findings, comparable


def _absent(name: str, target: str | None) -> Finding:
    if name == target:
        return Finding(name, "late labels", "the batch has no labels yet")
    return Finding(name, "missing", "the batch does not have this column", raises=True)


def _differs(first: ColumnRead, second: ColumnRead) -> Finding | None:
    name = first.name
    if first.problem is not None:
        return Finding(name, "not measured", f"in the reference, {first.problem}")
    if first.family == "empty" or first.sample is None:
        return Finding(name, "not measured", "the reference has no values in this column")
    if second.family not in ("empty", first.family):
        return Finding(
            name,
            "retyped",
            f"from {_NAMES.get(first.family, first.family)} to "
            f"{_NAMES.get(second.family, second.family)}",
            raises=True,
        )
    if second.problem is not None:
        return Finding(name, "not measured", f"in the batch, {second.problem}")
    if second.sample is None:
        return None
    if not samples_equal_form(first.sample, second.sample):
        return Finding(name, "not measured", "read in another form than the reference")
    return None


def _left_out(name: str, first: ColumnRead, second: ColumnRead) -> list[Finding]:
    infinite = [
        (side, column.sample.infinite)
        for side, column in (("reference", first), ("batch", second))
        if column.sample is not None and column.sample.infinite
    ]
    return [
        Finding(name, "values left out", f"{count} infinite values in the {side}", unmeasured=False)
        for side, count in infinite
    ]
