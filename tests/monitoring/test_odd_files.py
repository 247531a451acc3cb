"""A window of several files of which one is odd: the others are measured, and it is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WEEK = {"every": "1w", "rows_min": 100}


def week(loans: Any, ending: str = "parquet") -> list[Path]:
    """Seven files of one week, of 500 rows each."""
    loans.monitor(**WEEK, data=f"data/{{day}}.{ending}")
    files = [loans.day(day) for day in range(7)]
    if ending == "csv":
        for file in files:
            pd.read_parquet(file).to_csv(file.with_suffix(".csv"), index=False)
        files = [file.with_suffix(".csv") for file in files]
    loans.at(7)
    return files


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def damaged_inside(file: Path) -> None:
    """Its footer is whole, so that only reading the rows shows it."""
    content = bytearray(file.read_bytes())
    content[4:600] = bytes(596)
    file.write_bytes(bytes(content))


def empty(file: Path) -> None:
    file.write_bytes(b"")


def changed(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    return lambda file: change(pd.read_parquet(file)).to_parquet(file)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut_off, "cannot be read"),
        (damaged_inside, "cannot be read"),
        (empty, "cannot be read"),
        (changed(lambda f: f.drop(columns="age")), "without age"),
        (changed(lambda f: f.assign(colour="red")), "new colour"),
        (changed(lambda f: f.assign(age=f["age"].astype(str))), "column 'age' is"),
    ],
    ids=["cut off", "damaged", "empty", "missing column", "extra column", "retyped column"],
)
def test_odd_file_of_seven_is_named_and_the_others_measured(
    loans: Any, spoil: Callable[[Path], None], reason: str
) -> None:
    files = week(loans)
    spoil(files[3])
    (run,) = loans.run()["runs"]
    assert run["outcome"] == "measured"
    (body,) = loans.runs()
    assert body["rows"] == 3000
    assert [file["name"] for file in body["files"]] == [f.name for f in files if f != files[3]]
    (left_out,) = body["left_out"]
    assert left_out["name"] == files[3].name
    assert len(left_out["sha256"]) == 64
    (finding,) = [f for f in body["findings"] if f["what"] == "odd-file"]
    assert files[3].name in finding["reason"]
    assert reason in finding["reason"]
    assert "1 of 7 files" in finding["reason"]
    (drift,) = loans.records("drift")
    assert {s.name for s in drift.evidence.subjects} >= {f"dataset:{files[0].name} and 5 more"}
    assert loans.aims("monitor", "status")[0] == 1
    assert loans.run()["runs"] == []


def test_file_of_csv_whose_type_changes_late_is_named_without_its_values(loans: Any) -> None:
    files = week(loans, "csv")
    lines = files[5].read_text().splitlines()
    lines[4] = lines[4].replace(lines[4].split(",")[1], "SURNAME-Meyer")
    files[5].write_text("\n".join(lines) + "\n")
    (run,) = loans.run()["runs"]
    assert run["outcome"] == "measured"
    (body,) = loans.runs()
    assert [file["name"] for file in body["left_out"]] == [files[5].name]
    assert "Meyer" not in str(body)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(age=f["age"].astype("float64")),
        lambda f: f.assign(branch=f["branch"].astype("category")),
        lambda f: f[list(reversed(f.columns))],
        lambda f: f[f["income"] > 0],  # pandas keeps an index of it
        lambda f: f.assign(branch=None),
    ],
    ids=["floats", "categories", "order", "index", "no values"],
)
def test_file_that_differs_in_form_alone_is_measured_with_the_others(
    loans: Any, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    files = week(loans)
    changed(change)(files[0])
    (run,) = loans.run()["runs"]
    assert (run["outcome"], run["findings"]) == ("measured", [])
    (body,) = loans.runs()
    assert (body["rows"], body["left_out"]) == (3500, [])


def test_number_that_a_float_would_change_leaves_its_file_out(loans: Any) -> None:
    files = week(loans)
    frame = pd.read_parquet(files[0])
    for file in files[1:]:
        changed(lambda f: f.assign(age=f["age"].astype("float64")))(file)
    frame["age"] = frame["age"].astype("int64")
    frame.loc[0, "age"] = 2**53 + 1
    pq.write_table(pa.Table.from_pandas(frame), files[0])
    loans.run()
    (body,) = loans.runs()
    assert [file["name"] for file in body["left_out"]] == [files[0].name]
    assert str(2**53 + 1) not in str(body)


def test_file_that_is_no_table_is_named_and_a_marker_is_not(loans: Any) -> None:
    loans.monitor(data="data/{day}/*")
    loans.day(0)
    folder = loans.folder / "data" / "2026-01-05"
    folder.mkdir()
    (loans.folder / "data" / "2026-01-05.parquet").rename(folder / "a.parquet")
    loans.frame(400, seed=8).to_parquet(folder / "b.parquet")
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / "report.xlsx").write_bytes(b"PK")
    loans.at(1)
    (run,) = loans.run()["runs"]
    assert run["outcome"] == "measured"
    (body,) = loans.runs()
    assert body["rows"] == 900
    assert [file["name"] for file in body["left_out"]] == ["report.xlsx"]


def test_window_is_measured_again_with_the_file_that_was_odd(loans: Any) -> None:
    file = week(loans)[3]
    whole = file.read_bytes()
    cut_off(file)
    loans.run()
    file.write_bytes(whole)
    (again,) = loans.run()["runs"]
    assert (again["outcome"], again["findings"]) == ("measured", [])
    assert (loans.runs()[-1]["rows"], loans.runs()[-1]["left_out"]) == (3500, [])


def test_window_of_which_nothing_can_be_read_has_failed(loans: Any) -> None:
    for file in week(loans):
        cut_off(file)
    (run,) = loans.run()["runs"]
    assert run["outcome"] == "failed"
    assert [f["what"] for f in run["findings"]] == ["failed-run"]


def test_odd_file_of_labels_is_named_and_the_others_joined(loans: Any) -> None:
    loans.monitor(
        **WEEK,
        measures=["performance"],
        key="request",
        prediction="approved",
        label="repaid",
        labels="labels/{day}.parquet",
        labels_delay="1d",
    )
    (loans.folder / "labels").mkdir()
    for day in range(7):
        frame = loans.frame(200, seed=day)
        frame["request"] = [f"{day}-{row}" for row in range(len(frame))]
        file = loans.day(day, frame)
        late = pd.DataFrame({"request": frame["request"], "repaid": frame["approved"]})
        late.to_parquet(loans.folder / "labels" / file.name)
    odd = loans.folder / "labels" / "2026-01-07.parquet"
    cut_off(odd)
    loans.at(9)
    loans.run()
    body = next(b for b in loans.runs() if b["stage"] == "labels")
    assert body["outcome"] == "measured"
    assert body["labels"]["joined"] == 1200
    assert [file["name"] for file in body["left_out"]] == [odd.name]
