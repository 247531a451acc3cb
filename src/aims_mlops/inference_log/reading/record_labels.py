"""Labels that come later: what really happened, by request id, beside the predictions."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError
from aims_mlops.inference_log.reading.window_files import KEY, read_window
from aims_mlops.inference_log.storage import evidence
from aims_mlops.inference_log.storage.layout import Folder, part_name

if TYPE_CHECKING:
    import pyarrow as pa

    from aims_mlops.inventory.project import Project

_TAKEN = (*KEY, "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What came of recording labels, in rows; all of them are kept, whatever is odd about them.

    known : of a prediction in the log; unknown : of none.  ambiguous : of a request with several
    predictions, without saying of which one.  repeated : more than one in this table for one
    prediction; relabelled : it had a label before.  missing : without a value.
    """

    rows: int
    known: int
    unknown: int
    ambiguous: int
    repeated: int
    relabelled: int
    missing: int
    file: str | None

    def to_body(self) -> dict[str, int]:
        """Counts, as evidence has them."""
        return {
            "rows": self.rows,
            "known": self.known,
            "unknown": self.unknown,
            "ambiguous": self.ambiguous,
            "repeated": self.repeated,
            "relabelled": self.relabelled,
            "missing": self.missing,
        }

    def __str__(self) -> str:
        odd = {name: rows for name, rows in self.to_body().items() if name not in ("rows", "known")}
        told = [f"{rows} {name}" for name, rows in odd.items() if rows]
        return ", ".join([f"{self.rows} labels", f"{self.known} of known predictions", *told])


def record_labels(
    system: str,
    frame: Any,
    *,
    label: str = "label",
    project: Project | None = None,
    now: datetime | None = None,
    look_back_days: int = 90,
) -> Labels:
    """Write labels to the inference log and put on record how many found their prediction.

    frame : any table with the columns `request_id` and the one that `label` names; `row` too where
        a request had several. The newest label of a prediction counts when they are joined.
    look_back_days : how far back predictions are looked for to say what is known.
    Raises InputError for a table without these columns, OSError if the log cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from aims_mlops.inventory.project import find_project

    project = project or find_project()
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    folder = Folder.of(project.inference_settings(system).folder, project.root)
    table = _table(frame, label, moment)
    first = moment - timedelta(days=look_back_days)
    _require_same_kind(folder, system, table, label, first, moment)
    counts = _counted(table, label, _seen(folder, system, first, moment))
    files: list[dict[str, Any]] = []
    path = None
    if table.num_rows:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content = bytes(sink.getvalue().to_pybytes())
        name = part_name(moment, uuid.uuid4().hex[:16], 1)
        path = folder.write("labels", system, moment.date(), name, content)
        digest = hashlib.sha256(content).hexdigest()
        files = [{"name": name, "size": len(content), "sha256": digest, "rows": table.num_rows}]
    found = Labels(**counts, file=path)
    body = {**found.to_body(), "label": label, "folder": folder.address, "files": files}
    evidence.store(project, [evidence.statement(project, system, "labels", body)])
    return found


def _table(frame: Any, label: str, moment: datetime) -> pa.Table:
    import pyarrow as pa

    from aims_mlops.measures.table.opening import open_table

    if label in _TAKEN:
        raise InputError(f"a label cannot be called {label!r}", next_step="rename the column")
    opened = open_table(frame)
    for name in ("request_id", label):
        if name not in opened.names:
            raise InputError(
                f"labels lack the column {name!r}",
                got=", ".join(opened.names[:10]),
                expected="request_id, row where a request had several, and the label",
            )
    narrow = opened.select([name for name in (*KEY, label) if name in opened.names])
    columns: dict[str, list[Any]] = {name: [] for name in narrow.names}
    for batch in narrow.batches():
        for name, column in zip(narrow.names, batch.columns, strict=True):
            columns[name] += column().to_pylist()
    rows = len(columns["request_id"])
    ids = [None if id_ is None else str(id_) for id_ in columns["request_id"]]
    return pa.table(
        {
            "request_id": pa.array(ids, pa.string()),
            "row": pa.array(columns.get("row") or [0] * rows, pa.int32()),
            "time": pa.array([moment] * rows, pa.timestamp("us", tz="UTC")),
            label: pa.array(columns[label], from_pandas=True),
        }
    ).replace_schema_metadata({"aims_row_given": str("row" in columns)})


def _require_same_kind(
    folder: Folder, system: str, table: pa.Table, label: str, first: datetime, moment: datetime
) -> None:
    """Text beside numbers would make text of all of them, and other classes of the same ones."""
    until = moment + timedelta(days=1)
    before, _ = read_window(folder, system, first, until, columns=[*KEY, label], part="labels")
    if label not in before.column_names:
        return
    known, given = _kind(before.schema.field(label).type), _kind(table.schema.field(label).type)
    if None not in (known, given) and known != given:
        raise InputError(
            f"the labels {label!r} are of another type than those before",
            got=given,
            expected=known,
            next_step="convert them; one column has one type",
        )


def _kind(kind: pa.DataType) -> str | None:
    """`numbers` (also true and false), `text` or another type; None if nothing is known."""
    import pyarrow.types as pt

    if pt.is_null(kind):
        return None
    if pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_decimal(kind):
        return "numbers"
    return "text" if pt.is_string(kind) or pt.is_large_string(kind) else str(kind)


@dataclass(frozen=True, slots=True)
class _Seen:
    """rows : predictions by request id.  labelled : (request id, row) with a label already."""

    rows: Counter[str]
    labelled: set[tuple[str, int]]


def _seen(folder: Folder, system: str, first: datetime, moment: datetime) -> _Seen:
    until = moment + timedelta(days=1)
    predictions, _ = read_window(folder, system, first, until, columns=KEY)
    labels, _ = read_window(folder, system, first, until, columns=KEY, part="labels")
    return _Seen(Counter(request for request, _ in set(_keys(predictions))), set(_keys(labels)))


def _keys(table: pa.Table) -> list[tuple[str, int]]:
    if not table.num_columns:
        return []
    return list(zip(table["request_id"].to_pylist(), table["row"].to_pylist(), strict=True))


def _counted(table: pa.Table, label: str, seen: _Seen) -> dict[str, int]:
    keys = _keys(table)
    row_given = (table.schema.metadata or {}).get(b"aims_row_given") == b"True"
    known = [key for key in keys if key[1] < seen.rows[key[0]]]
    return {
        "rows": len(keys),
        "known": len(known),
        "unknown": len(keys) - len(known),
        "ambiguous": 0 if row_given else sum(seen.rows[key[0]] > 1 for key in keys),
        "repeated": len(keys) - len(set(keys)),
        "relabelled": len(set(keys) & seen.labelled),
        "missing": table[label].null_count,
    }
