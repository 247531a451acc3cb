"""`aims report` end to end: a real store in a folder, and what the command makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aims_mlops.cli.report import group
from aims_mlops.errors import InputError, ModelNotFoundError
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project, forget_stores

AIMS_YAML = """
systems:
  - id: loans
    purpose: Flag applications
    intended_use: Second opinion
    models: ["loan-*"]
  - id: empty
    purpose: Not trained yet
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("AIMS_PROJECT", "AIMS_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "aims.yaml").write_text(AIMS_YAML, encoding="utf-8")
    yield tmp_path
    forget_stores()


@pytest.fixture
def store(project):
    return find_project().open_store()


def evidence(kind, body, *, sha256, name, system="loans", run="r1"):
    return Evidence(
        kind=kind,
        subjects=(Subject(name, sha256), Subject.of_name(f"run:{run}")),
        body=body,
        actor="ci",
        claimed_at="2026-11-21T00:00:00.000000Z",
        system=system,
        run=run,
    )


@pytest.fixture
def model(store, digest_of):
    sha256 = digest_of("m")
    store.append_many(
        [
            evidence("model", {"name": "loan-risk"}, sha256=sha256, name="model:loan-risk"),
            evidence("run", {"status": "finished"}, sha256=digest_of("r"), name="run:r1"),
        ]
    )
    return sha256


def invoke(*arguments):
    return CliRunner().invoke(group, list(arguments), catch_exceptions=False)


def test_coverage_of_an_empty_store_prints_38_controls(store):
    lines = invoke("coverage").output.splitlines()
    assert "0 evidence records" in lines[1]
    assert sum(line.startswith("A.") and "evidence  " in line for line in lines) == 28
    assert sum(line.startswith("A.") and "needs a person's record" in line for line in lines) == 10


def test_coverage_json_has_the_documented_fields(store, model):
    found = json.loads(invoke("coverage", "--json").output)
    assert found["format"] == "aims-coverage/1"
    assert found["records"] == 2
    assert found["log"]["size"] == 2
    assert found["log"]["root"] == store.status().root
    assert sum(found["states"].values()) == len(found["controls"]) == 38


def test_coverage_of_a_system_leaves_out_other_systems(store, model, digest_of):
    store.append(
        evidence("run", {"status": "failed"}, sha256=digest_of("x"), name="run:x", system="other")
    )
    assert json.loads(invoke("coverage", "--system", "loans", "--json").output)["records"] == 2


def test_coverage_of_a_declared_system_without_evidence_is_a_report(store, model):
    assert json.loads(invoke("coverage", "--system", "empty", "--json").output)["records"] == 0


def test_coverage_of_a_mistyped_system_names_the_known_ones(store, model):
    with pytest.raises(InputError, match=r"loan.*expected one of empty, loans"):
        invoke("coverage", "--system", "loan")


def test_html_is_one_file_without_outside_resources(store, model, project):
    target = project / "out" / "coverage.html"
    output = invoke("coverage", "--html", str(target)).output
    assert f"wrote {target}" in output
    page = target.read_text(encoding="utf-8")
    for outside in ("http://", "https://", "<script", "<link", "url(", "@import", "<img"):
        assert outside not in page, outside
    assert [path.name for path in target.parent.iterdir()] == ["coverage.html"]


def test_card_by_digest_prefix_and_by_full_digest_is_the_same(store, model):
    short, full = (
        json.loads(invoke("card", text, "--json").output) for text in (model[:12], model)
    )
    assert short["model"]["sha256"] == full["model"]["sha256"] == model
    assert short["details"] == full["details"]


def test_card_takes_intended_use_from_aims_yaml_and_says_so(store, model):
    found = json.loads(invoke("card", model, "--json").output)
    use = next(fact for fact in found["uses"] if fact["label"] == "Intended use")
    assert use == {
        "label": "Intended use",
        "values": ["Second opinion"],
        "source": "aims.yaml",
        "exact": False,
    }


def test_card_without_options_prints_markdown_with_front_matter(store, model):
    output = invoke("card", model).output
    assert output.startswith("---\nlicense: unknown\n")
    assert "\n# loan-risk " in output


def test_card_writes_both_files(store, model, project):
    page, text = project / "card.html", project / "README.md"
    output = invoke("card", model, "--html", str(page), "--markdown", str(text)).output
    assert output == f"wrote {page}\nwrote {text}\n"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert text.read_text(encoding="utf-8").startswith("---\n")


def test_card_of_an_unknown_digest_is_a_clear_error(store, model):
    with pytest.raises(ModelNotFoundError, match="aims evidence list --kind model"):
        invoke("card", "f" * 64)


def test_card_of_a_model_that_the_store_never_saw_is_a_clear_error(store, model, project):
    unknown = project / "model.bin"
    unknown.write_bytes(b"never captured")
    with pytest.raises(ModelNotFoundError):
        invoke("card", str(unknown))


def test_file_that_cannot_be_written_leaves_nothing_behind(store, model, project):
    (project / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot write"):
        invoke("coverage", "--html", str(project / "file" / "coverage.html"))
    assert not list(project.glob(".*partial"))


def test_reports_load_no_heavy_library(project, store, model):
    forget_stores()
    code = (
        "import sys\n"
        "from aims_mlops.cli.report import group\n"
        f"group(['card', '{model}', '--html', 'c.html', '--markdown', 'c.md'], "
        "standalone_mode=False)\n"
        "group(['coverage', '--html', 'k.html'], standalone_mode=False)\n"
        "heavy = 'mlflow great_expectations evidently fairlearn sklearn pandas numpy scipy "
        "matplotlib pyarrow'\n"
        "print(sorted(set(heavy.split()) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert Path("c.html").stat().st_size < 200_000


def test_soa_reads_the_applicability_file_beside_aims_yaml(store, project):
    target = project / "applicability.yaml"
    assert invoke("soa", "--new", str(target)).output == f"wrote {target}\n"
    text = target.read_text(encoding="utf-8")
    target.write_text(text.replace("applicable:\n", "applicable: true\n", 1), encoding="utf-8")
    found = json.loads(invoke("soa", "--json").output)
    assert found["source"] == "applicability.yaml"
    assert found["answers"] == {"applicable": 1, "not applicable": 0, "not decided": 37}


def test_soa_never_overwrites_choices(store, project):
    target = project / "applicability.yaml"
    target.write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(InputError, match="not overwritten"):
        invoke("soa", "--new", str(target))
    assert target.read_text(encoding="utf-8") == "version: 1\n"


def test_soa_writes_page_and_table(store, project):
    output = invoke(
        "soa", "--html", str(project / "s.html"), "--csv", str(project / "s.csv")
    ).output
    assert output.count("wrote ") == 2
    assert (project / "s.csv").read_text(encoding="utf-8").count("\n") == 39


def test_history_of_a_system_tells_its_run(store, model):
    found = json.loads(invoke("history", "loans", "--json").output)
    assert [(event["what"], event["also"]) for event in found["events"]] == [("run", "1 model")]


def test_card_by_sha256_address_is_found(store, model):
    found = json.loads(invoke("card", f"sha256:{model}", "--json").output)
    assert found["model"]["sha256"] == model
