"""`aims policy`, as people type it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aims_mlops.cli.policy import _decided, group
from aims_mlops.errors import DocumentError
from aims_mlops.inventory.project import find_project, forget_stores

CHECKS = Path(__file__).parents[3] / "checks"


def run(*arguments, exit_code=0):
    result = CliRunner().invoke(group, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result.output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMS_PLUGINS", "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("id: mine\nextends: [baseline]\n")
    yield tmp_path
    forget_stores()


def test_lint_prints_the_digest_and_stops_at_a_mistake(folder):
    assert run("lint", "mine.yaml", "baseline").count("✓") == 2
    (folder / "bad.yaml").write_text("id: bad\nextend: []\n")
    with pytest.raises(DocumentError, match="did you mean 'extends'"):
        run("lint", "bad.yaml")


def test_explain_says_in_words_and_as_json_what_is_inherited(folder):
    words = run("explain", "mine.yaml")
    assert "extends baseline" in words
    assert "Approvals: 1 by risk-owner, at most 180 days old, never by the author" in words
    assert "Break-glass: not allowed" in words
    body = json.loads(run("explain", "mine.yaml", "--json"))
    assert body["bases"] == ["baseline"]
    assert "evidence.run" in {row["id"] for row in body["requires"]}


def test_list_names_every_pack_with_its_date():
    lines = run("list").splitlines()
    assert len(lines) == 1 + len(list(CHECKS.glob("*.yaml")))
    assert any(line.startswith("nyc-ll144") and "2026-" in line for line in lines)


def test_pin_puts_the_policy_into_the_log_once(folder):
    run("pin", "mine.yaml")
    run("pin", "mine.yaml")
    (record,) = find_project(folder).open_store().find(kind="policy")
    assert record.evidence.body["id"] == "mine"
    assert record.evidence.controls == ("A.6.1.2", "A.6.1.3")


def test_schema_describes_the_keys(folder):
    assert "without" in json.loads(run("schema"))["properties"]
    run("schema", "--output", "s.json")
    assert json.loads((folder / "s.json").read_text()) == json.loads(run("schema"))


def test_title_with_control_characters_does_not_reach_the_terminal(folder):
    (folder / "evil.yaml").write_text('id: evil\nextends: [baseline]\ntitle: "\\e[2Jx"\n')
    assert "\x1b" not in run("explain", "evil.yaml")


def test_next_step_in_other_words_is_the_same_decision_and_an_observation_is_not():
    """A later version may word its advice anew; what was seen and decided is held to the letter."""
    reason = {"rule": "approvals.count", "observed": "0", "limit": "1", "next_step": "ask"}
    body = {"verdict": "refused", "reasons": [reason], "bound": {"model": "a" * 64}}
    reworded = {**body, "reasons": [{**reason, "next_step": "aims assess approve"}]}
    assert _decided(body) == _decided(reworded)
    assert _decided(body) != _decided({**body, "reasons": [{**reason, "observed": "1"}]})
    assert _decided(body) != _decided({**body, "verdict": "allowed"})
