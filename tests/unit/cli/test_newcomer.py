"""What a newcomer meets in an empty folder, with the commands that the tool itself names next."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.errors import AimsError
from aims_mlops.inventory.project import find_project, forget_stores, read_settings
from aims_mlops.policy.loading import load_policy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    home = tmp_path / "loans"
    home.mkdir()
    monkeypatch.chdir(home)
    yield home
    forget_stores()


def aims(*arguments: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, arguments)
    if isinstance(found.exception, AimsError):
        assert code == 2, found.exception
        return str(found.exception)
    assert found.exit_code == code, (found.output, found.exception)
    return found.output


@pytest.mark.parametrize("name", ["5000", "yes", "null", "1e3", "0x10", "2026-01-01"])
def test_folder_whose_name_yaml_reads_as_something_else_gets_files_that_its_reader_takes(
    folder: Path, name: str
) -> None:
    aims("init", name)
    settings = read_settings(folder / name / "aims.yaml")
    assert [(s.id, s.title) for s in settings.systems] == [(name, name)]
    assert (folder / name / settings.systems[0].assessment).is_file()  # type: ignore[operator]
    told = aims("lint", name, code=1)
    assert "title" not in told


@pytest.mark.parametrize(
    ("tier", "pack", "count"), [("minimal", "baseline", 1), ("limited", "baseline", 1),
                                ("high", "high-risk", 2)],
)  # fmt: skip
def test_init_copies_the_pack_of_the_risk_tier(
    folder: Path, tier: str, pack: str, count: int
) -> None:
    assert f"copies the pack {pack}, for risk tier {tier}" in aims("init", "--tier", tier)
    (system,) = read_settings(folder / "aims.yaml").systems
    assert system.risk_tier == tier
    policy = load_policy(folder / "policies/production.yaml")
    assert policy.approvals is not None
    assert policy.approvals.count == count
    rule = policy.key_rule(risk_tier=tier, single_user=False)
    assert rule.confirmed is (tier != "minimal")
    assert policy.is_for(target="production", model="loans", risk_tier=tier)


def test_assessment_that_init_wrote_is_filled_in_and_one_that_somebody_edited_is_not(
    folder: Path,
) -> None:
    aims("init")
    assert "✓ wrote" in aims("assess", "new", "loans")
    path = folder / "assessments/loans.yaml"
    assert 'author: "ana"' in path.read_text()
    assert "✓ wrote" in aims("assess", "new", "loans")  # nobody wrote in it meanwhile
    path.write_text(path.read_text() + "# what ana knows\n")
    before = path.read_text()
    said = aims("assess", "new", "loans", code=2)
    assert "is there already, and is another than would be written now" in said
    assert "aims assess refresh --model" in said
    assert path.read_text() == before


def test_key_of_somebody_without_a_name_is_not_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aims("init")
    monkeypatch.setenv("AIMS_ACTOR", "eve@example.org")
    assert "aims assess key --as ID" in aims("assess", "key", code=2)
    assert "at eve" in aims("assess", "key", "--as", "eve")


def test_lint_tells_what_is_misspelt_and_what_is_missing_at_once(folder: Path) -> None:
    aims("init")
    path = folder / "aims.yaml"
    path.write_text(path.read_text().replace("risk_tier: high", "risk_tier: hihg"))
    told = aims("lint", code=1)
    assert "did you mean 'high'" in told
    for missing in ("nobody is listed", "purpose of loans is empty", "owner of loans is empty"):
        assert missing in told
    assert "system_information.purpose is empty" in told  # and in the assessment, too


def test_lint_of_an_assessment_tells_a_wrong_word_and_what_is_missing_at_once(
    folder: Path,
) -> None:
    aims("init")
    path = folder / "assessments/loans.yaml"
    harm = "impacts: [{id: late, on: everybody, kind: harm, description: is late}]"
    path.write_text(
        path.read_text().replace("impacts: []", harm).replace("version: 1", "version: 2")
    )
    for told in (aims("assess", "lint", str(path), code=1), aims("lint", str(path), code=1)):
        assert "version; got 2" in told
        assert "everybody" in told


def test_filled_fields_are_not_called_missing(folder: Path) -> None:
    aims("init")
    text = (folder / "assessments/loans.yaml").read_text()
    assert "missing" not in text


def test_person_opens_a_nonconformity_and_another_closes_it(folder: Path) -> None:
    aims("init")
    path = folder / "aims.yaml"
    people = "people:\n  - {id: ana, roles: [developer]}\n  - {id: bo, roles: [risk-owner]}\n"
    path.write_text(path.read_text().replace("people: []\n", people))
    said = ("open", "late review", "--system", "loans", "--reason", "the review of May is late")
    aims("nonconformity", *said, "--owner", "ana", "--as", "bo")
    aims("nonconformity", *said, "--as", "bo")  # the same words open nothing twice
    (found,) = json.loads(aims("nonconformity", "list", "--json"))
    assert (found["what"], found["system"], found["owner"]) == ("late-review", "loans", "ana")
    store = find_project().open_store()
    assert store.get(found["id"]).evidence.actor == "bo"
    aims("nonconformity", "analyse", found["id"], "--root-cause", "nobody was asked", "--as", "ana")
    aims("nonconformity", "act", found["id"], "--action", "a date in the calendar", "--as", "ana")
    close = ("nonconformity", "close", found["id"], "--effect", "June was on time")
    assert "cannot say that it works" in aims(*close, "--as", "ana", code=2)
    aims(*close, "--as", "bo")
    assert json.loads(aims("nonconformity", "list", "--json")) == []
    assert "no such AI system" in aims(
        "nonconformity", "open", "x", "--system", "lons", "--reason", "y", code=2
    )
    opened = aims("incident", "open", "loans", "--title", "late letters", "--as", "bo")
    record = store.get(opened.split()[2]).evidence
    assert (record.kind, record.actor) == ("incident", "bo")


def test_records_of_some_days_and_of_a_control_are_listed_and_exported(folder: Path) -> None:
    import time_machine

    aims("init")
    with time_machine.travel("2026-01-10T12:00:00Z", tick=False):
        aims("policy", "pin", "policies/production.yaml")
    forget_stores()
    with time_machine.travel("2026-01-12T23:30:00Z", tick=False):
        aims("incident", "open", "loans", "--title", "late letters")

    def kinds(*how: str) -> list[str]:
        return [row["kind"] for row in json.loads(aims("evidence", "list", "--json", *how))]

    assert kinds() == ["policy", "incident"]
    assert kinds("--from", "2026-01-11") == ["incident"]
    assert kinds("--until", "2026-01-12") == ["policy", "incident"]
    assert kinds("--until", "2026-01-11") == ["policy"]
    assert kinds("--from", "2026-01-12T23:31:00Z") == []
    assert kinds("--control", "a.8.4") == ["incident"]
    assert kinds("--control", "A.6.1.2", "--limit", "1") == ["policy"]
    assert "no such control" in aims("evidence", "list", "--control", "A.99", code=2)
    assert "no day and no time" in aims("evidence", "list", "--from", "May", code=2)
    done = json.loads(
        aims("evidence", "export", "x.aims", "--from", "2026-01-11", "--control", "A.8.4", "--json")
    )
    assert done["records"] == 1
    header = json.loads((folder / "x.aims").read_text().splitlines()[0])
    assert header["scope"] == {
        "control": ["A.8.4"], "received_from": "2026-01-11T00:00:00.000000Z",
    }  # fmt: skip
    from aims_verify.cli import main as verify

    with pytest.raises(SystemExit) as ended:
        verify([str(folder / "x.aims")])
    assert ended.value.code == 0


def test_content_beside_a_record_is_opened(folder: Path) -> None:
    from aims_mlops.evidence.records import Evidence, Subject

    aims("init")
    store = find_project().open_store()
    picture = store.put_blob(b"<svg/>\x1b", media_type="image/svg+xml")
    raw = store.put_blob(b"\xff\x00", media_type="application/octet-stream")

    def record(*blobs: Any) -> str:
        plots = [{"of": "age", **asdict(blob)} for blob in blobs]
        body = {"what": "x", "state": "open", "plots": plots}
        made = store.append(
            Evidence(
                kind="monitoring-run",
                subjects=(Subject.of_name("system:loans"),),
                body=body,
                actor="ana",
                claimed_at="2026-01-10T12:00:00.000000Z",
            )
        )
        return made.id

    one, two, none = record(picture), record(picture, raw), record()
    assert aims("evidence", "blob", one[:12]).startswith("<svg/>")
    assert "\x1b" not in aims("evidence", "blob", one[:12])
    listed = aims("evidence", "blob", two)
    assert picture.sha256 in listed
    assert "plots, age, image/svg+xml" in listed
    assert "✓ wrote 2 bytes" in aims("evidence", "blob", raw.sha256, "--out", "raw.bin")
    assert (folder / "raw.bin").read_bytes() == b"\xff\x00"
    assert "is no text" in aims("evidence", "blob", raw.sha256, code=2)
    assert "has no content beside it" in aims("evidence", "blob", none, code=2)


def test_hooks_are_listed_and_copied(folder: Path) -> None:
    assert "github-actions" in aims("hooks", "list")
    aims("hooks", "copy", "cron", "etc")
    copied = folder / "etc/aims-monitor"
    assert copied.is_file()
    copied.write_text("mine")
    assert "which was there" in aims("hooks", "copy", "cron", "etc")
    assert copied.read_text() == "mine"
    assert "expected one of airflow" in aims("hooks", "copy", "../checks", code=2)
