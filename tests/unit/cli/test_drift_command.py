"""`aims drift` end to end, with a real store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from aims_mlops.cli.drift import group
from aims_mlops.errors import InputError
from aims_mlops.inventory.project import find_project
from aims_mlops.measures.drift.reference import ReferenceProfile
from aims_mlops.measures.fingerprint.table_digest import fingerprint


def table(rows: int, seed: int, shift: float = 0.0) -> pa.Table:
    random = np.random.default_rng(seed)
    return pa.table(
        {
            "age": random.integers(18, 90, rows),
            "income": random.lognormal(10 + shift, 1, rows),
            "region": random.choice(["north", "south"], rows),
        }
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aims.yaml").write_text(
        "systems:\n  - id: credit\n    title: Credit scoring\n    purpose: Score applicants\n"
    )
    pq.write_table(table(3000, 1), "reference.parquet")
    pq.write_table(table(3000, 2), "same.parquet")
    pq.write_table(table(20, 3), "few.parquet")
    pcsv.write_csv(table(2000, 4, shift=0.5), "shifted.csv")
    return tmp_path


def drift(*arguments: str) -> Result:
    return CliRunner().invoke(group, [*arguments], catch_exceptions=False)


def recorded(kind: str) -> list[Any]:
    return list(find_project().open_store().find(kind=kind))


@pytest.mark.parametrize(
    ("batch", "code", "verdict"),
    [
        ("same.parquet", 0, "no drift"),
        ("shifted.csv", 1, "drift"),
        ("few.parquet", 2, "insufficient"),
    ],
)
def test_exit_code_tells_the_verdict_and_it_is_recorded(
    folder: Path, batch: str, code: int, verdict: str
) -> None:
    done = drift("run", "--reference", "reference.parquet", "--current", batch)
    assert done.exit_code == code, done.output
    assert f"Verdict: {verdict}" in done.output
    (record,) = recorded("drift")
    assert record.evidence.body["verdict"] == verdict
    assert record.id[:12] in done.output
    subjects = {subject.sha256 for subject in record.evidence.subjects}
    assert {fingerprint("reference.parquet").sha256, fingerprint(batch).sha256} <= subjects
    assert record.evidence.actor == "tester@example.org"
    assert record.evidence.controls == ("A.6.2.6",)


def test_profile_is_recorded_once_and_compared_without_the_data(folder: Path) -> None:
    first = drift("profile", "reference.parquet", "--exact", "--json")
    assert first.exit_code == 0, first.output
    identity = json.loads(first.stdout)["record"]
    assert (
        json.loads(drift("profile", "reference.parquet", "--exact", "--json").stdout)["record"]
        == identity
    )
    Path("reference.parquet").unlink()
    for reference in (identity[:12], "latest"):
        done = drift("run", "--reference", reference, "--current", "shifted.csv", "--json")
        assert done.exit_code == 1
        assert json.loads(done.stdout)["drifted"] == ["income"]
        assert json.loads(done.stdout)["reference_profile"] == identity
    (record,) = recorded("reference-profile")
    body = record.evidence.body
    blob = find_project().open_store().get_blob(body["blob"]["sha256"])
    assert ReferenceProfile.from_body(body, blob).rows == 3000


def test_evidence_is_about_the_model_and_the_system(folder: Path) -> None:
    model = folder / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"weights")
    done = drift(
        *("run", "--reference", "reference.parquet", "--current", "same.parquet"),
        *("--model", str(model), "--system", "credit"),
    )
    assert done.exit_code == 0, done.output
    (record,) = recorded("drift")
    assert record.evidence.system == "credit"
    assert record.evidence.subjects[0].name.startswith("model:")


def test_pinned_method_and_columns_are_used_and_recorded(folder: Path) -> None:
    drift(
        *("run", "--reference", "reference.parquet", "--current", "same.parquet"),
        *("--method", "income=psi", "--method", "region=chisquare"),
        *("--column", "income", "--column", "region"),
    )
    (record,) = recorded("drift")
    assert record.evidence.body["methods"] == {"income": "psi", "region": "chisquare"}


def test_evidence_holds_no_label_of_the_data(folder: Path) -> None:
    drift("run", "--reference", "reference.parquet", "--current", "shifted.csv")
    for record in find_project().open_store().find():
        assert b"north" not in record.envelope
        assert "north" not in json.dumps(record.evidence.to_statement())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_evidentlys_page_is_attached_on_request_only(folder: Path) -> None:
    arguments = ("run", "--reference", "reference.parquet", "--current", "same.parquet")
    drift(*arguments)
    done = drift(*arguments, "--evidently-report")
    assert done.exit_code == 0
    first, second = recorded("drift")
    assert "evidently_report" not in first.evidence.body
    named = second.evidence.body["evidently_report"]
    page = find_project().open_store().get_blob(named["sha256"])
    assert len(page) == named["size"]
    assert b"Drift" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reference", "nowhere.parquet"), "neither a file nor a record"),
        (("--reference", "latest"), "holds no reference profile"),
        (("--reference", "reference.parquet", "--system", "unknown"), "declares no AI system"),
    ],
)
def test_what_leads_nowhere_is_said_and_nothing_is_recorded(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        drift("run", "--current", "same.parquet", *arguments)
    assert recorded("drift") == []


def test_method_for_all_and_for_a_column_together_is_refused(folder: Path) -> None:
    done = CliRunner().invoke(
        group,
        [
            *("run", "--reference", "reference.parquet", "--current", "same.parquet"),
            *("--method", "psi", "--method", "age=ks"),
        ],
    )
    assert done.exit_code == 2
    assert "either one method for all" in done.output


def test_column_name_with_control_characters_cannot_steer_the_terminal(folder: Path) -> None:
    pq.write_table(
        table(3000, 2).append_column("\x1b[2Jfresh\nVerdict: no drift", [[1] * 3000]), "odd.parquet"
    )
    done = drift("run", "--reference", "reference.parquet", "--current", "odd.parquet")
    assert "\x1b" not in done.output
    assert "\nVerdict: no drift\n" not in done.output
    assert "fresh" in done.output
