"""examples/organisation as its README says: lint, sync, sign, and what readiness says of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from aims_mlops.approvals.enrol import confirm, enrol, waiting
from aims_mlops.approvals.keys.personal_key import personal_key
from aims_mlops.cli.main import app
from aims_mlops.inventory.project import forget_stores
from support.registers import Organisation

EXAMPLE = Path(__file__).parents[2] / "examples" / "organisation"


def aims(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output + str(done.exception)
    return done.stdout


@pytest.fixture
def lender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Organisation:
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    forget_stores()
    return Organisation(tmp_path)


def test_folder_of_the_example_becomes_records_once(lender: Organisation) -> None:
    assert "nothing to put right" in aims("lint")
    files = [f for f in (EXAMPLE / "aims").rglob("*") if f.is_file()]
    assert f"{len(files)} written, 0 as before" in aims("record", "sync", "aims", "--as", "ana")
    assert f"0 written, {len(files)} as before" in aims("record", "sync", "aims", "--as", "ana")


def test_signed_example_has_the_documents_of_stage_1(lender: Organisation) -> None:
    settings = lender.root / "aims.yaml"
    vouched = personal_key("reg").signer.public.hex()
    registrar = f"people:\n  - {{id: reg, keys: [{{public_key: {vouched}}}]}}\n"
    settings.write_text(settings.read_text().replace("people:\n", registrar, 1))
    for person in ("ana", "bo", "cy", "di"):
        enrol(lender.project, lender.store, person=person)
        mine = waiting(lender.project, lender.store, person, None)
        confirm(lender.project, lender.store, mine, by="reg")
    enrol(lender.project, lender.store, person="reg")
    mine = waiting(lender.project, lender.store, "reg", None)
    confirm(lender.project, lender.store, mine, by="cy")
    aims("record", "sync", "aims", "--as", "ana")
    for document in lender.register().documents:
        lender.approve(f"document/{document.id}", by="cy")
    for person in ("ana", "bo", "di", "reg"):
        lender.acknowledge("document/ai-policy", by=person)
    for entry in lender.register().of_register("risk"):
        lender.approve(f"risk/{entry.id}", by="bo")
    for entry in lender.register().of_register("competence"):
        by = "cy" if entry.body.person == "bo" else "bo"
        lender.approve(f"competence/{entry.id}", by=by)
    lender.approve("supplier/S-1", by="bo")
    rows = {r["id"]: r for r in json.loads(aims("readiness", "--json"))["rows"]}
    left = {id_: row["why"] for id_, row in rows.items() if row["state"] not in _DONE}
    # What only operation, an audit and a review can give.
    assert sorted(left) == [
        "R07", "R08", "R35", "R44", "R45", "R47", "R48", "R49", "R50", "R55"
    ], left  # fmt: skip
    gaps = json.loads(aims("readiness", "gaps", "--json", code=1))
    assert {gap["gap"] for gap in gaps} == {5}


_DONE = ("met", "not applicable")
