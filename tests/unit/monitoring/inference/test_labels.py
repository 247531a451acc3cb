"""Labels, overrides and the end of a day's time: recorded, told, and nothing lost on the way."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import aims_mlops as aims
from aims_mlops.cli.inference import group
from aims_mlops.errors import DocumentError, InputError
from aims_mlops.inference_log.reading.retention import prune
from aims_mlops.inference_log.reading.window_files import Joined, joined
from aims_mlops.inference_log.recorder.recorders import forget_recorders
from aims_mlops.inventory.project import Project, find_project

Bodies = Callable[..., list[dict[str, Any]]]


@aims.monitored(system="loans")
def predict(features: Any, **_: Any) -> Any:
    return [1] * len(features)


@pytest.fixture
def answered(project: Project) -> Project:
    """Request a with one row, b with two."""
    predict([{"income": 1.0}], request_id="a")
    predict([{"income": 2.0}, {"income": 3.0}], request_id="b")
    forget_recorders()
    return project


def test_labels_are_written_whatever_is_odd_about_them(answered: Project, told: Bodies) -> None:
    frame = pd.DataFrame(
        {
            "request_id": ["a", "b", "b", "b", "nobody"],
            "row": [0, 0, 1, 1, 0],
            "repaid": [1, 0, 1, 1, None],
        }
    )
    found = aims.record_labels("loans", frame, label="repaid")
    assert found.to_body() == {
        "rows": 5,
        "known": 4,
        "unknown": 1,
        "ambiguous": 0,
        "repeated": 1,
        "relabelled": 0,
        "missing": 1,
    }
    assert found.file is not None
    assert pq.read_metadata(found.file).num_rows == 5
    (body,) = told("labels")
    assert (body["rows"], body["unknown"], body["label"]) == (5, 1, "repaid")
    start = datetime.now(UTC) - timedelta(days=1)
    table = joined("log", "loans", start, start + timedelta(days=2), root=answered.root)
    assert (table.rows, table.labelled) == (3, 3)


def test_label_of_a_batch_without_its_row_is_told(answered: Project) -> None:
    found = aims.record_labels("loans", {"request_id": ["a", "b"], "label": [1, 0]})
    assert (found.known, found.ambiguous) == (2, 1)


def test_label_that_comes_again_is_told_and_counts(answered: Project) -> None:
    now = datetime.now(UTC)
    aims.record_labels("loans", {"request_id": ["a"], "label": [0]}, now=now)
    later = now + timedelta(seconds=1)
    found = aims.record_labels("loans", {"request_id": ["a"], "label": [1]}, now=later)
    assert found.relabelled == 1
    start = now - timedelta(days=1)
    table = joined("log", "loans", start, start + timedelta(days=2), root=answered.root).table
    labels = dict(zip(table["request_id"].to_pylist(), table["label"].to_pylist(), strict=True))
    assert labels["a"] == 1


def test_empty_table_of_labels_is_recorded_without_a_file(answered: Project, told: Bodies) -> None:
    found = aims.record_labels("loans", pd.DataFrame({"request_id": [], "label": []}))
    assert (found.rows, found.file) == (0, None)
    assert [body["rows"] for body in told("labels")] == [0]


def test_labels_without_a_request_id_are_refused(answered: Project) -> None:
    with pytest.raises(InputError, match="lack the column 'request_id'"):
        aims.record_labels("loans", {"label": [1]})


def test_override_keeps_values_in_the_log_and_none_in_evidence(answered: Project) -> None:
    path = aims.record_override("a", was=0, now=1, who="ana@example.org", reason="paid meanwhile")
    row = pd.read_parquet(path).iloc[0]
    assert (row["was"], row["now"], row["who"]) == ("0", "1", "ana")
    assert row["reason"] == "paid meanwhile"
    (record,) = answered.open_store().find(kind="override")
    body = record.evidence.body
    assert (body["request_id"], body["who"], record.evidence.system) == ("a", "ana", "loans")
    assert "paid meanwhile" not in str(body)


def test_override_by_somebody_unlisted_gets_a_pseudonym_and_needs_a_reason(
    answered: Project,
) -> None:
    path = aims.record_override("a", 0, 1, "eve@example.org", "why not")
    assert str(pd.read_parquet(path).iloc[0]["who"]).startswith("unlisted-")
    with pytest.raises(InputError, match="needs who decided and the reason"):
        aims.record_override("a", 0, 1, "ana", " ")


def old_day(project: Project, part: str, days: int) -> Path:
    day = (datetime.now(UTC) - timedelta(days=days)).date()
    folder = project.root / "log" / part / "system=loans" / f"day={day}"
    folder.mkdir(parents=True)
    (folder / "part-1.parquet").write_bytes(b"old")
    return folder


def test_days_past_half_a_year_are_deleted_and_that_is_on_record(
    answered: Project, told: Bodies
) -> None:
    old = [old_day(answered, part, 184) for part in ("", "labels")]
    young = [old_day(answered, part, 182) for part in ("", "overrides")]
    assert prune("loans", project=answered, dry_run=True).files == 2
    assert all(folder.exists() for folder in old)
    done = prune("loans", project=answered)
    assert done.files == 2
    assert not any(folder.exists() for folder in old)
    assert all(folder.exists() for folder in young)
    (body,) = told("pruned")
    assert (body["retention_days"], body["pruned_files"]) == (183, 2)
    assert prune("loans", project=answered).files == 0
    assert len(told("pruned")) == 1


def test_status_shows_what_is_there_and_what_was_lost(answered: Project) -> None:
    import json

    done = CliRunner().invoke(group, ["status", "loans", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["calls"], found["rows"], found["written"], found["lost"]) == (2, 3, 3, 0)
    assert [day["files"] for day in found["days"]] == [1]
    page = (Path(__file__).parents[4] / "docs" / "cli.md").read_text()
    section = page.split("### `aims inference status SYSTEM --json`", 1)[1].split("\n### ", 1)[0]
    rows = re.findall(r"^\| (`[^|]*)\|", section, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(found)
    assert (
        "3 rows answered, 3 written, 0 lost"
        in CliRunner().invoke(group, ["status", "loans"]).output
    )


def test_labels_command_says_that_some_belong_to_nothing(answered: Project) -> None:
    Path("labels.csv").write_text("request_id,label\na,1\nnobody,0\n")
    done = CliRunner().invoke(group, ["labels", "loans", "labels.csv"])
    assert done.exit_code == 1
    assert done.output == "✓ 2 labels, 1 of known predictions, 1 unknown\n"


@pytest.mark.parametrize(
    ("said", "line", "words"),
    [
        ("{allow: [a], hash: [a]}", 4, "named twice"),
        ("{bucket: {age: [65, 18]}}", 4, "do not rise"),
        ("{sample: 2}", 4, "less than or equal to 1"),
        ("{retention: 5}", 4, "did you mean 'retention_days'"),
    ],
)
def test_setting_that_is_wrong_is_told_with_its_line(
    said: str, line: int, words: str, project: Project
) -> None:
    path = project.root / "aims.yaml"
    path.write_text(f"\nsystems:\n  - id: loans\n    inference: {said}\n")
    os.utime(path, (1, 1))
    with pytest.raises(DocumentError) as caught:
        find_project()
    assert caught.value.line == line
    assert words in str(caught.value)


def test_label_that_is_nan_is_none_and_takes_no_other_label_away(answered: Project) -> None:
    _label(1.0)
    _label(float("nan"))
    _label(float("nan"), request="b")
    found = _joined(answered)
    assert found.labelled == 1
    assert found.table["label"].drop_null().to_pylist() == [1.0]


def test_label_of_another_type_than_before_is_refused(answered: Project) -> None:
    _label(1)
    _label(True, request="b")
    with pytest.raises(InputError, match="of another type than those before"):
        _label("1")
    rows = [{"request_id": "a", "row": 0, "label": value} for value in (1, "yes")]
    with pytest.raises(InputError, match="one type in each column"):
        aims.record_labels("loans", pd.DataFrame(rows))
    found = _joined(answered)
    assert found.table["label"].drop_null().to_pylist() == [1, 1]


def _label(value: Any, request: str = "a") -> None:
    frame = pd.DataFrame({"request_id": [request], "row": [0], "label": [value]})
    aims.record_labels("loans", frame)


def _joined(project: Project) -> Joined:
    start = datetime.now(UTC) - timedelta(days=1)
    return joined("log", "loans", start, start + timedelta(days=2), root=project.root)
