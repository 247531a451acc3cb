"""`aims inventory`: systems with tier and rule, state from the log, and what nothing claims."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.errors import DocumentError
from aims_mlops.management.classification.rules import TIERS, read_rules, shipped_rules
from support.registers import SETTINGS

from .test_readiness import MODEL, promotion, put

DECLARED = SETTINGS.replace(
    "{id: loans, owner: ana, risk_owner: bo}",
    "{id: loans, owner: ana, risk_owner: bo, risk_tier: limited, models: [loans],"
    " uses: [credit-scoring], organisation_roles: [developer]}",
).replace(
    "{id: support-bot, owner: ana, risk_owner: bo}",
    "{id: support-bot, owner: ana, risk_owner: bo, uses: [chatbot, guessing],"
    " organisation_roles: [deployer]}",
)


@pytest.fixture(autouse=True)
def declared(organisation, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (tmp_path / "aims.yaml").read_text()
    key = text[text.index("public_key: ") + 12 :][:64]
    (tmp_path / "aims.yaml").write_text(DECLARED.replace("KEY", key))


def run(*arguments, code=0):
    done = CliRunner().invoke(app, ["inventory", *arguments])
    assert done.exit_code == code, done.output + str(done.exception)
    return done.stdout


def items():
    return {item["id"]: item for item in json.loads(run("list", "--json"))}


def test_tier_is_told_with_the_rule_that_gives_it_and_where_it_is_understated():
    found = items()
    loans, bot = found["loans"], found["support-bot"]
    assert [(r["framework"], r["tier"], r["article"]) for r in loans["rules"]] == [
        ("Colorado AI Act", "high", "1701(3)(c)"),
        ("EU AI Act", "high", "Annex III, 5(b)"),
    ]
    assert (loans["declared_tier"], loans["understated"]) == ("limited", True)
    assert (bot["understated"], bot["unknown_uses"]) == (False, ["guessing"])
    assert (loans["bought_in"], bot["bought_in"]) == (False, True)
    text = run("list")
    assert "loans: declared limited, and a rule says high" in text
    assert "no rule names the use guessing" in text
    assert "Annex III, 5(b)" in run("show", "loans")


def test_state_follows_the_log_from_planned_to_retired(organisation):
    assert items()["loans"]["state"] == "planned"
    put(organisation, "run", {"activity": "training", "status": "finished"}, run="r1")
    assert items()["loans"]["state"] == "in development"
    put(organisation, "promotion", promotion(MODEL))
    assert items()["loans"]["state"] == "in use"
    assert items()["loans"]["in_use"] == ["loans/1 as champion"]
    put(organisation, "promotion", {**promotion(MODEL), "outcome": "removed"})
    assert items()["loans"]["state"] == "retired"
    assert items()["support-bot"]["state"] == "planned"


def test_rules_of_the_organisation_are_a_file_of_the_same_form(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "version: 1\nid: own\ntitle: Our own\nedition: '2027'\ndate: 2027-01-01\n"
        "as_of: 2027-01-01\nsources: {us: {title: board}}\nrules:\n"
        "  - {use: guessing, tier: high, article: '§ 2', words: it guesses, confidence: high,"
        " source: us}\n"
    )
    found = json.loads(run("show", "support-bot", "--rules", str(own), "--json"))
    assert [(rule["framework"], rule["tier"]) for rule in found["rules"]] == [
        ("Our own", "high"), ("EU AI Act", "limited")
    ]  # fmt: skip
    assert found["unknown_uses"] == []
    own.write_text(own.read_text().replace("source: us}", "source: them}"))
    with pytest.raises(DocumentError, match=r"own\.yaml:9: no such source"):
        read_rules(own)


def test_shipped_rules_have_articles_and_sources():
    files = {rules.id: rules for rules in shipped_rules()}
    assert set(files) == {"eu-ai-act", "colorado-ai"}
    assert {rule.tier for rule in files["eu-ai-act"].rules} == set(TIERS) - {"minimal"}
    for rules in files.values():
        assert all(rule.source in rules.sources and rule.article for rule in rules.rules)


def test_export_holds_texts_and_no_formula(tmp_path):
    import openpyxl

    text = (tmp_path / "aims.yaml").read_text()
    (tmp_path / "aims.yaml").write_text(
        text.replace("{id: loans, owner", "{id: loans, title: '=1+1', owner")
    )
    files = tmp_path / "i.csv", tmp_path / "i.xlsx"
    run("export", "--csv", str(files[0]), "--xlsx", str(files[1]))
    with files[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["loans", "support-bot"]
    assert rows[0]["title"] == "'=1+1"
    assert rows[0]["tier by rule"] == "high"
    for row in openpyxl.load_workbook(files[1])["inventory"].iter_rows():
        assert all(cell.data_type != "f" for cell in row)


def test_scan_finds_what_no_system_claims_in_the_log_and_in_mlflow(
    organisation, tmp_path, monkeypatch
):
    import mlflow

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = mlflow.MlflowClient(uri, uri)
    for name in ("loans", "stray"):
        client.create_registered_model(name)
    for name, tags in (("trials", {}), ("governed", {"aims.system": "loans"}), ("empty", None)):
        experiment = client.create_experiment(name)
        if tags is not None:
            client.create_run(experiment, tags=tags)
    seen = put(organisation, "environment", {"packages": {"anthropic": "1"}})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
    found = json.loads(run("scan", "--registry", uri, "--json", code=1))
    named = {entry["what"]: entry["record"] for entry in found}
    assert named["model stray"] is None
    assert named["package anthropic"] == seen.id
    assert "experiment trials" in named
    assert not {"model loans", "experiment governed", "experiment empty"} & set(named)
    assert all(entry["next_step"] for entry in found)
    alone = json.loads(run("scan", "--log-only", "--json", code=1))
    assert "model stray" not in {entry["what"] for entry in alone}


@pytest.mark.parametrize("arguments", [["show", "nobody"], ["export"]])
def test_input_that_means_nothing_says_so(arguments):
    done = CliRunner().invoke(app, ["inventory", *arguments])
    assert done.exit_code != 0
    assert "nobody" in str(done.exception) or "give --csv" in done.output
