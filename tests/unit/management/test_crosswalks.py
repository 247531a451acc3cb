"""Crosswalks: dated data, and what the log has for each row; never that a row is met."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from click.testing import CliRunner

from aims_mlops.cli.crosswalk import command
from aims_mlops.errors import DocumentError, InputError
from aims_mlops.management.crosswalks.crosswalk import read_crosswalk, read_file, shipped

OWN = """\
version: 1
id: own
title: Ours
edition: "1"
date: "2026-01-01"
as_of: "2026-02-01"
binding: own
sources: {board: {title: the board}}
rows:
"""


@pytest.fixture
def written(tmp_path):
    def write(rows, head=OWN):
        path = tmp_path / "own.yaml"
        path.write_text(head + rows, encoding="utf-8")
        return path

    return write


def test_nist_ai_rmf_has_all_72_subcategories():
    rows = read_crosswalk("nist-ai-rmf").rows
    functions = Counter(row.id.split()[0] for row in rows)
    assert functions == {"GOVERN": 19, "MAP": 18, "MEASURE": 22, "MANAGE": 13}
    sizes = Counter(row.id.split(".")[0] for row in rows)
    assert sizes["GOVERN 1"] == 7
    assert sizes["MEASURE 2"] == 13
    assert sizes["MAP 3"] == 5


def test_iso_27001_has_all_93_controls_of_its_annex():
    rows = [row.id for row in read_crosswalk("iso-27001").rows if row.id.startswith("A.")]
    assert Counter(id_.split(".")[1] for id_ in rows) == {"5": 37, "6": 8, "7": 14, "8": 34}


def test_eu_ai_act_has_the_articles_that_the_reference_names():
    numbers = {row.id for row in read_crosswalk("eu-ai-act").rows}
    wanted = (4, *range(9, 16), 17, 18, 19, 26, 27, 43, 47, 48, 49, 50, 53, 55, 72, 73)
    assert numbers == {f"Art. {n}" for n in wanted} | {"Annex IV"}


@pytest.mark.parametrize("name", shipped())
def test_shipped_crosswalk_is_right_and_says_where_each_row_comes_from(name):
    walk = read_crosswalk(name)
    assert walk.id == name
    for row in walk.rows:
        assert walk.sources[row.source].title
        assert (row.applies_from is None) == (row.applies_source is None)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "  - {id: H, words: w, ours: [A.7.9], relation: equal, confidence: low, source: board}",
            "A.7.9",
        ),
        ("  - {id: H, words: w, ours: [A.7.4], confidence: low, source: board}", "no relation"),
        (
            "  - {id: H, words: w, relation: equal, confidence: low, source: board}",
            "relation to nothing",
        ),
        ("  - {id: H, words: w, confidence: low, source: bored}", "sources has no 'bored'"),
        (
            "  - {id: H, words: w, confidence: low, source: board, applies_from: '2026-03-01'}",
            "nobody who says so",
        ),
        ("  - {id: H, words: we are compliant, confidence: low, source: board}", "is met"),
        (
            2 * "  - {id: H, words: w, confidence: low, source: board}\n",
            "there twice",
        ),
    ],
)
def test_wrong_row_is_told_with_its_line(written, rows, said):
    with pytest.raises(DocumentError) as caught:
        read_file(written(rows))
    assert said in str(caught.value)
    assert re.search(r"own\.yaml:1[01]", str(caught.value))


def test_framework_held_against_an_edition_not_yet_out_is_told(written):
    head = OWN.replace('as_of: "2026-02-01"', 'as_of: "2025-02-01"')
    with pytest.raises(DocumentError, match="not out"):
        read_file(written("  - {id: H, words: w, confidence: low, source: board}", head))


def test_unknown_framework_is_told_its_nearest():
    with pytest.raises(InputError, match="nist-ai-rmf"):
        read_crosswalk("nist-ai-rfm")


def crossed(organisation, monkeypatch, *arguments):
    monkeypatch.chdir(organisation.root)
    done = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_row_is_on_record_only_after_another_person_approved(organisation, monkeypatch):
    def row():
        rows = crossed(organisation, monkeypatch, "--to", "nist-ai-rmf")["rows"]
        return next(row for row in rows if row["id"] == "MAP 1.5")  # through clause 6.1.2 alone

    assert row()["state"] == "nothing on record"
    organisation.add("risk", by="ana")
    assert row()["state"] == "on record in part"
    assert row()["ours"][0]["state"] == "not approved"
    organisation.approve("R-1", by="bo")
    assert row()["state"] == "on record"
    assert row()["ours"][0] | {"newest": None} == {
        "id": "6.1.2",
        "state": "declared by a person",
        "records": 1,
        "newest": None,
        "by": "person",
    }


def test_entry_of_another_system_is_not_counted(organisation, monkeypatch):
    organisation.add("risk", by="ana")
    found = crossed(organisation, monkeypatch, "--to", "nist-ai-rmf", "--system", "support-bot")
    row = next(row for row in found["rows"] if row["id"] == "MAP 1.5")
    assert row["state"] == "nothing on record"


def test_row_that_nothing_reaches_stays_so_whatever_is_on_record(organisation, monkeypatch):
    organisation.add("risk", by="ana")
    found = crossed(organisation, monkeypatch, "--to", "eu-ai-act")
    unreached = {r["id"] for r in found["rows"] if r["state"] == "nothing of ours reaches it"}
    assert unreached == {"Art. 43", "Art. 47", "Art. 48", "Art. 49"}


def test_page_shows_markup_of_an_own_framework_as_text(organisation, written, monkeypatch):
    path = written(
        "  - {id: H, words: '<script>x</script>', ours: [A.7.4], relation: equal,"
        " confidence: low, source: board}"
    )
    page = organisation.root / "page.html"
    crossed(organisation, monkeypatch, "--to", str(path), "--html", str(page))
    assert "<script>" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()
