"""Dossier, instructions and notices: each line from a record, or missing; each form read back."""

from __future__ import annotations

import io
import json

import docx
import openpyxl
import pytest
from pypdf import PdfReader

from aims_mlops.evidence.records import Subject
from aims_mlops.exports.export import FORMATS, export

PAPERS = [entry.name for entry in FORMATS.values() if "docx" in entry.files]
HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script>\x0b\u202e" + "n" * 50


def lines(store, model, name):
    made = json.loads(export(store, name, model, file="json").content)
    return [(point, line) for point in made["points"] for line in point["lines"]]


@pytest.mark.parametrize("name", PAPERS)
def test_each_line_has_a_record_of_the_log_or_a_next_step(recorded, store, name):
    ids = {record.id for record in store.find()}
    found = lines(store, recorded.model, name)
    assert found
    for _, line in found:
        if not line["values"]:
            assert line["record"] is None
            assert line["next_step"]
        elif line["label"] != "Limitation":
            assert line["record"] in ids, line


def test_dossier_has_nine_points_and_says_who_declared_what(recorded, store):
    found = lines(store, recorded.model, "annex-iv")
    assert list(dict.fromkeys(point["number"] for point, _ in found)) == list("123456789")
    said = {line["label"]: line for _, line in found}
    purpose = said["(a) Intended purpose"]
    assert purpose["values"][0] == "help clerks decide about loans"
    assert purpose["declared_by"] == "ana"
    assert said["(e) Human oversight"]["values"] == ["clerks", "each decision is a person's"]
    assert said["(c) Versions of software"]["declared_by"] is None
    (metrics,) = (
        line
        for point, line in found
        if point["number"] == "4" and line["label"].startswith("Metrics")
    )
    assert any("accuracy_score" in text and "interval" in text for text in metrics["values"])
    for point in "78":
        assert all(not line["values"] for p, line in found if p["number"] == point)


@pytest.mark.parametrize("name", PAPERS)
def test_model_of_which_nothing_is_known_fills_no_line_but_its_digest(world, name):
    subject = Subject("model:m", world.sha("m"))
    world.record("model", [subject], {"name": "m", "sha256": subject.sha256}, system=None)
    filled = [line for _, line in lines(world.store, subject.sha256, name) if line["values"]]
    for line in filled:
        about_absence = line["label"] == "Limitation"
        assert about_absence or subject.sha256 in " ".join(line["values"])


@pytest.mark.parametrize("name", PAPERS)
def test_word_file_and_spreadsheet_have_the_lines_of_the_page(recorded, store, name):
    wanted = [line["label"] for _, line in lines(store, recorded.model, name)]
    made = export(store, name, recorded.model, file="docx").content
    document = docx.Document(io.BytesIO(made))
    rows = [row for table in document.tables for row in table.rows[1:]]
    assert [row.cells[0].text for row in rows] == wanted
    assert sum(p.style.name == "Heading 1" for p in document.paragraphs) == len(document.tables) + 1
    made = export(store, name, recorded.model, file="xlsx").content
    sheet = openpyxl.load_workbook(io.BytesIO(made))["lines"]
    assert [row[1] for row in sheet.iter_rows(min_row=2, values_only=True)] == wanted


def test_pdf_is_tagged_titled_and_holds_the_text(recorded, store):
    made = export(store, "instructions-for-use", recorded.model, file="pdf").content
    reader = PdfReader(io.BytesIO(made))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert reader.metadata.title.startswith("Instructions for use")
    text = " ".join("".join(page.extract_text() for page in reader.pages).split())
    assert "Human oversight" in text
    assert "help clerks decide about loans" in text


def test_hostile_names_are_text_in_every_form(world):
    subject = Subject("model:m", world.sha("m"))
    run = Subject.of_name("run:r")
    world.record("model", [subject, run],
                 {"name": HOSTILE, "sha256": subject.sha256, "framework": HOSTILE,
                  "datasets": [{"name": HOSTILE, "sha256": world.sha("d")}]}, run="r")  # fmt: skip
    world.record("run", [run], {"activity": HOSTILE, "name": HOSTILE, "status": "x"}, run="r")
    model = subject.sha256
    html = export(world.store, "annex-iv", model, file="html").content.decode()
    assert "<script" not in html
    assert "\u202e" not in html
    book = openpyxl.load_workbook(
        io.BytesIO(export(world.store, "annex-iv", model, file="xlsx").content)
    )
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert any(str(cell.value).startswith("=cmd") for cell in cells)
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    docx.Document(io.BytesIO(export(world.store, "annex-iv", model, file="docx").content))
