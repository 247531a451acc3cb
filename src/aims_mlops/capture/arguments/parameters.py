"""Parameters of a run: plain values only, secrets scrubbed, everything else named and left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aims_mlops.capture.arguments.tables import is_table
from aims_mlops.capture.arguments.tensors import tensor_tables, torch_text
from aims_mlops.capture.arguments.values import (
    DATASET_ROWS,
    DEPTH_LIMIT,
    TEXT_LIMIT,
    NotPlain,
    Scalar,
    columns_of,
    content_of,
    in_short,
    is_data,
    is_text,
    mapping_of,
    plain_value,
    sequence_of,
    why_elsewhere,
)
from aims_mlops.evidence.personal import PERSONAL, is_identifier, looks_personal, says_personal
from aims_mlops.evidence.secrets import SCRUBBED, is_secret, known_secret, names_secret

_SIZE_LIMIT = 1_000_000  # characters or bytes; what is larger is left out
_ITEM_LIMIT = 500  # values of one run
_SEQUENCE_LIMIT = 50  # items of one list
_TABLE_LIMIT = 200  # tables of one run
_FLAG = re.compile(r"--?[A-Za-z][\w.-]*")


class Parameters:
    """What has been recorded: `values` {name: scalar}, `left_out` {name: why}.

    `refused` names those left out for their size or type, which the run reports as a gap;
    models and functions are left out quietly, for they have evidence of their own. `tables` are
    what was met of tables, by name: whoever records one says so by `recorded`.
    """

    def __init__(self) -> None:
        self.values: dict[str, Scalar] = {}
        self.left_out: dict[str, str] = {}
        self.refused: list[str] = []
        self.tables: list[tuple[str, Any]] = []

    def add(self, name: str, value: object) -> None:
        """Record one value; containers of plain values become one entry an item."""
        self._add(self._named(name, len(self.values) + len(self.left_out)), value, 0)

    def add_all(self, values: Mapping[str, object]) -> None:
        """Add each value under its name."""
        for name, value in values.items():
            self.add(str(name), value)

    def recorded(self, name: str, *, as_dataset: bool) -> None:
        """Say what became of a table: a dataset of the run, or nothing, which is a gap."""
        self.left_out[name] = (
            "a table; recorded as a dataset" if as_dataset else "a table; not recorded"
        )

    def refuse_tables(self, why: str) -> None:
        """Leave the tables out that were met, each with a reason and a gap."""
        for name, _ in self.tables:
            self._refuse(name, why)
        self.tables.clear()

    def _add(self, name: str, value: object, depth: int) -> None:
        if len(self.values) >= _ITEM_LIMIT:
            if "…" not in self.left_out:
                self._refuse("…", f"more than {_ITEM_LIMIT} values")
            return
        if (said := torch_text(value)) is not None:
            self._add_plain(name, said, text=False)
            return
        text = is_text(value)
        plain, kept = plain_value(value)
        if plain:
            self._add_plain(name, kept, text=text)
        elif is_table(value):
            self._add_table(name, value)
        elif (tensors := tensor_tables(value)) is not None:
            for suffix, table in tensors:
                self._add_table(f"{name}{suffix}", table)
            if (size := getattr(value, "batch_size", None)) is not None:
                self._add(f"{name}.batch_size", size, depth + 1)
        elif why := why_elsewhere(value):
            self.left_out[name] = why
        elif depth >= DEPTH_LIMIT:
            self._refuse(name, f"nested deeper than {DEPTH_LIMIT} levels")
        elif (named := mapping_of(value)) is not None:
            self._add_container(name, value, list(named.items()), depth)
        elif (items := sequence_of(value)) is not None:
            self._add_container(name, value, list(enumerate(items)), depth)
        else:
            kind = type(value)
            self._refuse(name, f"a {kind.__module__}.{kind.__qualname__}, not a plain value")

    def _add_container(
        self, name: str, value: object, items: list[tuple[Any, Any]], depth: int
    ) -> None:
        if names_secret(name):  # {'credentials': {…}}: whatever is inside
            self.values[name] = SCRUBBED
            return
        try:
            content = content_of(value, depth)
        except NotPlain:
            content = None
        if content is not None and is_data(value, content):
            self._add_data(name, content)
        elif len(items) > _SEQUENCE_LIMIT and mapping_of(value) is None:
            if not any(is_table(item) for _, item in items[:_SEQUENCE_LIMIT]):
                self._refuse(name, f"{len(items)} items, more than {_SEQUENCE_LIMIT}")
                return
            self._add_items(name, items, depth)
        else:
            self._add_items(name, items, depth)

    def _add_items(self, name: str, items: list[tuple[Any, Any]], depth: int) -> None:
        before: object = None
        for place, (key, item) in enumerate(items):
            path = f"{name}.{self._named(str(key), place)}"[:TEXT_LIMIT]
            if isinstance(before, str) and _FLAG.fullmatch(before) and names_secret(before):
                self.values[path] = SCRUBBED  # ['--password', 'x']
            else:
                self._add(path, item, depth + 1)
            before = item

    def _add_data(self, name: str, content: Any) -> None:
        columns = columns_of(content)
        rows = len(next(iter(columns.values()))) if columns else len(content)
        if columns and rows > DATASET_ROWS:
            self._add_table(name, columns)
            return
        what = "rows" if columns and list(columns) != ["0"] else "items"
        self.values[name] = in_short(content, rows, what)

    def _add_table(self, name: str, table: Any) -> None:
        if len(self.tables) >= _TABLE_LIMIT:
            self._refuse(name, f"a table; not recorded: more than {_TABLE_LIMIT} tables")
            return
        self.recorded(name, as_dataset=False)
        self.tables.append((name, table))

    def _add_plain(self, name: str, value: Any, *, text: bool) -> None:
        if isinstance(value, str) and len(value) > _SIZE_LIMIT:
            self._refuse(name, f"{len(value)} characters, more than {_SIZE_LIMIT}")
        elif is_secret(name, value):
            self.values[name] = SCRUBBED
        elif value is None or isinstance(value, bool):
            self.values[name] = value
        elif says_personal(name) or looks_personal(_digits(value)):
            self.values[name] = PERSONAL
        elif text and value and (len(value) > TEXT_LIMIT or not is_identifier(value)):
            self.values[name] = in_short(value, len(value), "characters")
        else:
            self.values[name] = value

    def _named(self, name: str, place: int) -> str:
        """A name as it may be recorded: keys can be data too, as in {'Jan Novák': 7}."""
        short = name[:TEXT_LIMIT]
        fit = short.isidentifier() or is_identifier(short)
        return short if fit and not known_secret(short) else f"#{place}"

    def _refuse(self, name: str, why: str) -> None:
        self.left_out[name] = why
        self.refused.append(name)


def _digits(value: Any) -> str:
    """A value as the text in which a number of a card would show."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value)
