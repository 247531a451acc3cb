"""Reports as PDF and spreadsheet, read back."""

from __future__ import annotations

import openpyxl
import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from aims_mlops.cli.main import app
from support.gate import world as world


def run(*arguments):
    done = CliRunner().invoke(app, ["report", *arguments])
    assert done.exit_code == 0, done.output
    return done


def test_coverage_is_a_tagged_pdf_and_a_table_of_38_controls(world):
    world.train()
    run("coverage", "--pdf", "c.pdf", "--xlsx", "c.xlsx")
    reader = PdfReader("c.pdf")
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert "Data provenance" in "".join(page.extract_text() for page in reader.pages)
    rows = list(openpyxl.load_workbook("c.xlsx")["coverage"].iter_rows(values_only=True))
    assert rows[0][0] == "control"
    assert len(rows) == 1 + 38


def test_choice_that_looks_like_a_formula_is_text_in_the_spreadsheet(world):
    world.train()
    run("soa", "--new", "applicability.yaml")
    path = world.root / "applicability.yaml"
    path.write_text(path.read_text().replace('justification: ""', 'justification: "=1+1"', 1))
    run("soa", "--xlsx", "s.xlsx")
    cells = [c for row in openpyxl.load_workbook("s.xlsx").active.iter_rows() for c in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    assert "=1+1" in {cell.value for cell in cells}


@pytest.mark.parametrize("report", ["card", "history"])
def test_other_reports_are_pdfs_too(world, report):
    model = world.train()
    run(report, model.sha256 if report == "card" else "loans", "--pdf", "r.pdf")
    assert PdfReader("r.pdf").metadata.title
