"""Rows of a list as entries: which column holds which field, as a mapping file says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from aims_mlops.documents.document import Document
from aims_mlops.documents.problems import Problem, Section, did_you_mean, validated
from aims_mlops.documents.reading import read_yaml
from aims_mlops.errors import InputError
from aims_mlops.management.intake.tables import Table, numbered
from aims_mlops.management.registers.change import Change
from aims_mlops.management.registers.grammar import EntryField, fields_of
from aims_mlops.management.registers.spec import RegisterSpec, spec_of

Separator = Annotated[str, StringConstraints(min_length=1, max_length=1)]


class Column(Section):
    """Where a field comes from.

    column : its name in the list.  values : the list's words, each with ours.  split : what stands
    between several values in one cell.  into : the field of each part that the values become.
    """

    column: str
    values: dict[str, str | int | float | bool] = Field(default_factory=dict)
    split: str | None = None
    into: str | None = None


class ColumnMap(Section):
    """A mapping file.

    columns : field of the register -> column of the list; `before.impact` is a field inside one.
    constants : what every entry says.  dates : how the list writes days, as in `%d.%m.%Y`.
    """

    register_: str = Field(alias="register")
    columns: dict[str, str | Column]
    constants: dict[str, Any] = Field(default_factory=dict)
    header: Annotated[int, Field(ge=1)] = 1
    sheet: str | None = None
    separator: Separator | None = None
    encoding: str | None = None
    dates: str | None = None

    @property
    def spec(self) -> RegisterSpec:
        """The register that it fills."""
        return spec_of(self.register_)

    def of(self, field: str) -> Column:
        """Where a field comes from."""
        found = self.columns[field]
        return Column(column=found) if isinstance(found, str) else found

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns that the list has to have."""
        return tuple(dict.fromkeys(self.of(field).column for field in self.columns))


def read_mapping(path: Path) -> ColumnMap:
    """A mapping file; raises DocumentError with every problem and its line."""
    return validated(
        read_yaml(path), ColumnMap, next_step=f"put {path} right", checks=(_contradictions,)
    )


def plain_mapping(register: str, columns: tuple[str, ...]) -> ColumnMap:
    """The mapping of a list whose columns are called like the fields; others are passed over.

    Raises InputError if none is.
    """
    spec = spec_of(register)
    paths = _paths(fields_of(spec))
    named = {_folded(name): name for name in columns}
    found = {path: named[_folded(path)] for path in paths if _folded(path) in named}
    if "id" not in found:
        raise InputError(
            "no column of the list is called like the field id",
            got=", ".join(map(repr, columns[:20])),
            expected="columns called like fields: " + ", ".join(list(paths)[:12]) + ", …",
            next_step="write a mapping file, and give --map FILE",
        )
    return ColumnMap.model_validate({"register": spec.name, "columns": found})


def changes_of(table: Table, mapping: ColumnMap) -> list[Change]:
    """Each row as a new entry, with the line that it came from."""
    spec = mapping.spec
    paths = _paths(fields_of(spec))
    columns = {path: mapping.of(path) for path in mapping.columns}
    return [
        Change(spec, "add", _row(table.path, line, cells, mapping, columns, paths))
        for line, cells in numbered(table)
    ]


def _row(
    path: str,
    line: int,
    cells: Mapping[str, Any],
    mapping: ColumnMap,
    columns: Mapping[str, Column],
    paths: Mapping[str, EntryField],
) -> Document:
    data: dict[str, Any] = dict(mapping.constants)
    for place, column in columns.items():
        cell = cells.get(column.column, "")
        if isinstance(cell, str):
            cell = cell.strip()
        if cell == "":
            continue
        _put(data, place.split("."), _value(cell, column, paths[place], mapping))
    return Document(path, data, {(): line}, "")


def _put(data: dict[str, Any], parts: list[str], value: Any) -> None:
    here = data
    for part in parts[:-1]:
        inner = here.get(part)
        here[part] = dict(inner) if isinstance(inner, dict) else {}
        here = here[part]
    here[parts[-1]] = value


def _value(cell: Any, column: Column, field: EntryField, mapping: ColumnMap) -> Any:
    if not field.many:
        return _one(cell, column, field, mapping)
    parts = [cell] if column.split is None else str(cell).split(column.split)
    values = [part.strip() if isinstance(part, str) else part for part in parts]
    found = [_one(value, column, field, mapping) for value in values if value != ""]
    if not field.parts:
        return found
    into = column.into or field.parts[0].name
    return [{into: value} for value in found]


def _one(cell: Any, column: Column, field: EntryField, mapping: ColumnMap) -> Any:
    said = column.values.get(str(cell))
    if said is not None:
        return said
    if field.holds == "day":
        return _day(str(cell), mapping.dates)
    if field.holds in ("count", "number"):
        return _number(cell)
    if field.holds == "yes-no":
        return {"true": True, "yes": True, "false": False, "no": False}.get(
            str(cell).casefold(), cell
        )
    return str(cell) if isinstance(cell, (int, float)) else cell


def _day(text: str, dates: str | None) -> str:
    """The day as YYYY-MM-DD; what cannot be read stays as it is, and is told by its line."""
    if dates is None:
        return text
    try:
        return datetime.strptime(text, dates).date().isoformat()
    except ValueError:
        return text


def _number(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        return float(cell)
    except ValueError:
        return cell


def _paths(fields: tuple[EntryField, ...], lead: str = "") -> dict[str, EntryField]:
    """Every field that a column may fill, by its name; one inside another as `before.impact`."""
    found: dict[str, EntryField] = {}
    for field in fields:
        if field.parts and not field.many:
            found |= _paths(field.parts, f"{lead}{field.name}.")
        elif field.holds != "mapping":
            found[f"{lead}{field.name}"] = field
    return found


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _contradictions(mapping: ColumnMap) -> list[Problem]:
    try:
        spec = mapping.spec
    except InputError as error:
        return [Problem(("register",), error.thing, error.got, error.expected)]
    paths = _paths(fields_of(spec))
    found = []
    for name in mapping.columns:
        if name not in paths:
            hint = did_you_mean(name, paths)
            expected = None if hint else "one of " + ", ".join(paths)
            found.append(
                Problem(
                    ("columns", name), f"{spec.name} has no field {name!r}", None, expected, hint
                )
            )
    if mapping.dates is not None and "%" not in mapping.dates:
        found.append(
            Problem(("dates",), "not a way to write days", repr(mapping.dates), "such as %d.%m.%Y")
        )
    known = {field.name for field in fields_of(spec)}
    found += [
        Problem(("constants", name), f"{spec.name} has no field {name!r}")
        for name in mapping.constants
        if name not in known
    ]
    return found
