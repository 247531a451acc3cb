"""A window's files and the join with labels: what is odd is told, and nothing else is lost."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aims_mlops.errors import InputError
from aims_mlops.inference_log.reading.window_files import joined, look, read_window, window_files
from aims_mlops.inference_log.storage.layout import Folder, Part, part_name

DAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, tzinfo=UTC)
END = START + timedelta(days=1)


def content(rows: dict[str, list[Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(rows), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def predictions(*ids: str, hour: int = 9, **more: list[Any]) -> bytes:
    times = [START + timedelta(hours=hour, seconds=i) for i in range(len(ids))]
    return content(
        {
            "request_id": list(ids),
            "row": [0] * len(ids),
            "time": times,
            "prediction": [0.5] * len(ids),
            **more,
        }
    )


def write(folder: Folder, rows: bytes, number: int, part: Part = "predictions") -> Path:
    path = folder.write(part, "loans", DAY, part_name(START, "p", number), rows)
    os.utime(path, (START.timestamp() + 3600, START.timestamp() + 3600))
    return Path(path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.of("log", tmp_path)


def test_files_of_the_days_that_a_window_touches_are_found(folder: Folder) -> None:
    inside = write(folder, predictions("a"), 1)
    folder.write("predictions", "loans", DAY + timedelta(days=1), "part-x.parquet", b"other day")
    folder.write("predictions", "cards", DAY, "part-x.parquet", b"other system")
    (inside.parent / ".part-half.parquet.part").write_bytes(b"half")
    assert window_files(folder, "loans", START, END) == [str(inside)]


def test_log_that_does_not_exist_yet_has_no_files(folder: Folder) -> None:
    assert look(folder, "loans", START, END).files == ()
    assert joined(folder, "loans", START, END).rows == 0


def test_copy_of_a_file_is_told_and_counted_once(folder: Folder) -> None:
    first = write(folder, predictions("a", "b"), 1)
    shutil.copy2(first, first.with_name("part-z copy.parquet"))
    window = look(folder, "loans", START, END)
    assert [file.path for file in window.files] == [str(first)]
    assert [(p.what, p.file) for p in window.problems] == [
        ("duplicate file", "part-z copy.parquet")
    ]


def test_empty_and_damaged_files_are_told_and_the_others_are_read(folder: Folder) -> None:
    write(folder, predictions("a", "b"), 1)
    write(folder, predictions("c").replace(b"PAR1", b"XXXX"), 2)
    write(folder, content({"request_id": pa.array([], pa.string()), "row": [], "time": []}), 3)
    table, problems = read_window(folder, "loans", START, END)
    assert table["request_id"].to_pylist() == ["a", "b"]
    assert {p.what for p in problems} == {"unreadable file", "empty file"}


def test_file_that_came_after_its_day_is_told_and_read(folder: Folder) -> None:
    path = write(folder, predictions("a"), 1)
    late = END.timestamp() + 5 * 3600
    os.utime(path, (late, late))
    window = look(folder, "loans", START, END)
    assert len(window.files) == 1
    assert [(p.what, p.words) for p in window.problems] == [
        ("late file", "came 5 h after the end of its day")
    ]


def test_missing_extra_and_retyped_columns_are_told_and_no_row_is_lost(folder: Folder) -> None:
    for number in range(3):
        write(folder, predictions(f"a{number}", age=[30.0], hour=number), number)
    write(folder, predictions("b", hour=4), 4)
    write(folder, predictions("c", age=["forty"], colour=["red"], hour=5), 5)
    table, problems = read_window(folder, "loans", START, END)
    assert table.num_rows == 5
    assert table["age"].to_pylist() == ["30", "30", "30", None, "forty"]
    assert {(p.what, p.words) for p in problems} == {
        ("missing column", "no column 'age'"),
        ("extra column", "column 'colour'"),
        ("retyped column", "column 'age' is string, elsewhere double"),
    }


def test_rows_outside_an_hourly_window_are_left_out(folder: Folder) -> None:
    write(folder, predictions("a", hour=9), 1)
    write(folder, predictions("b", hour=10), 2)
    table, _ = read_window(
        folder, "loans", START + timedelta(hours=10), START + timedelta(hours=11)
    )
    assert table["request_id"].to_pylist() == ["b"]


def test_labels_of_later_days_are_joined_and_the_newest_counts(folder: Folder) -> None:
    write(folder, predictions("a", "b", "c"), 1)
    for days, ids, values in ((14, ["a", "b"], [0, 0]), (15, ["b", "unknown"], [1, 1])):
        rows: dict[str, list[Any]] = {
            "request_id": ids,
            "row": [0] * len(ids),
            "time": [START + timedelta(days=days)] * len(ids),
            "label": values,
        }
        folder.write(
            "labels", "loans", DAY + timedelta(days=days), f"part-{days}.parquet", content(rows)
        )
    found = joined(folder, "loans", START, END)
    assert (found.rows, found.labelled, found.duplicates) == (3, 2, 0)
    table = found.table.select(["request_id", "label"]).to_pydict()
    assert table == {"request_id": ["a", "b", "c"], "label": [0, 1, None]}


def test_prediction_that_is_there_twice_counts_once_and_is_told(folder: Folder) -> None:
    write(folder, predictions("a", "b"), 1)
    write(folder, predictions("b", "c", hour=11), 2)
    write(folder, content({**labels_of("b"), "label": [1]}), 1, "labels")
    found = joined(folder, "loans", START, END)
    assert (found.rows, found.labelled, found.duplicates) == (3, 1, 1)
    assert "duplicate rows" in {p.what for p in found.problems}


def labels_of(*ids: str) -> dict[str, list[Any]]:
    return {"request_id": list(ids), "row": [0] * len(ids), "time": [START] * len(ids)}


def test_window_without_a_time_zone_is_refused(folder: Folder) -> None:
    with pytest.raises(InputError, match="no time zone"):
        look(folder, "loans", datetime(2026, 1, 1), END)


def test_folder_behind_a_url_reads_as_a_local_one(tmp_path: Path) -> None:
    folder = Folder.of("memory://inference-reading", tmp_path)
    path = folder.write("predictions", "loans", DAY, "part-1.parquet", predictions("a", "b"))
    assert window_files(folder, "loans", START, END) == [path]
    table, _ = read_window(folder, "loans", START, END, columns=["prediction"])
    assert table.column_names == ["prediction", "time"]
    assert table.num_rows == 2
    assert folder.remove_day("predictions", "loans", DAY) == 1
    assert folder.days("predictions", "loans") == []


def test_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    with pytest.raises(InputError, match="cannot be listed"):
        look(Folder.of("log", tmp_path), "loans", START, END)
