"""Lists that people keep: every separator, encoding and way to write days is read or told."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from aims_mlops.cli.main import app
from aims_mlops.errors import DocumentError, InputError

MAP = """\
register: risk
columns:
  id: Ref
  title: Risiko
  owner: Owner
  source: Risiko
  before.likelihood: Likelihood
  before.impact: {column: Impact, values: {hoch: 4}}
  systems: {column: Systems, split: "/"}
  controls: {column: Controls, split: ",", into: control}
  review: When
constants: {type: risk, treatment: reduce}
"""
SYSTEMS = "loans/support-bot"
HEAD = ["Ref", "Risiko", "Owner", "Likelihood", "Impact", "Systems", "Controls", "When"]
ROWS = [
    [
        "R-10",
        "Größe",
        "ana@example.org",
        "3",
        "4",
        "loans/support-bot",
        "A.7.4,A.5.4",
        "31.12.2027",
    ],
    ["R-11", "Zu alt", "bo", "2", "hoch", "loans", "A.7.4", "1.2.2027"],
]


@pytest.fixture
def mapped(organisation, monkeypatch):
    monkeypatch.chdir(organisation.root)
    monkeypatch.setenv("AIMS_ACTOR", "ana")
    (organisation.root / "map.yaml").write_text(MAP + 'dates: "%d.%m.%Y"\n')
    return organisation


def take_in(name, *options):
    result = CliRunner().invoke(app, ["record", "import", name, "--json", *options])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


def text_of(rows, separator):
    cells = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    return "".join(separator.join(row) + "\r\n" for row in [HEAD, *cells])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_list_of_any_separator_and_encoding_is_read(mapped, separator, encoding):
    (mapped.root / "list.csv").write_bytes(text_of(ROWS, separator).encode(encoding))
    if encoding == "cp1252":
        with pytest.raises(DocumentError, match=r"list\.csv:2: the file is not utf-8 text.*cp1252"):
            take_in("list.csv", "--map", "map.yaml")
        path = mapped.root / "map.yaml"
        path.write_text(path.read_text() + "encoding: cp1252\n")
    said = take_in("list.csv", "--map", "map.yaml")
    assert [one["id"] for one in said["written"]] == ["R-10", "R-11"]
    entry = mapped.entry("R-10")
    assert (entry.title, entry.owner, entry.review) == ("Größe", "ana", "2027-12-31")
    assert entry.systems == ("loans", "support-bot")
    assert [chosen["control"] for chosen in entry.body.controls] == ["A.7.4", "A.5.4"]
    assert mapped.entry("R-11").body.before.impact == 4


def test_bad_rows_are_told_by_their_line_and_none_is_taken_in(mapped):
    rows = [
        *ROWS,
        ["R-12", "x", "nobody", "9", "4", "loans", "A.7.4", "30.02.2027"],
        ["R-10", "twice", "bo", "1", "1", "loans", "A.7.4", "1.2.2027"],
        ["", "no id", "bo", "1", "1", "loans", "A.7.4", "1.2.2027"],
    ]
    (mapped.root / "list.csv").write_text(text_of(rows, ","))
    with pytest.raises(DocumentError) as error:
        take_in("list.csv", "--map", "map.yaml")
    text = str(error.value)
    assert "list.csv:4: review; got '30.02.2027'" in text
    assert "list.csv:5: risk R-10 is there twice; expected once: list.csv:2" in text
    assert "list.csv:6: id is missing" in text
    assert "nothing was stored" in text
    assert mapped.register().all() == ()


def test_names_that_are_wrong_are_told_once_the_shape_is_right(mapped):
    rows = [["R-12", "x", "nobody", "9", "4", "loan", "A.7.44", "1.2.2027"]]
    (mapped.root / "list.csv").write_text(text_of(rows, ","))
    with pytest.raises(DocumentError) as error:
        take_in("list.csv", "--map", "map.yaml")
    text = str(error.value)
    for part in ("no such person", "no such AI system", "outside the scale", "A.7.44"):
        assert part in text
    assert text.count("list.csv:2:") == 4


def test_days_written_otherwise_are_told_with_what_the_mapping_can_say(mapped):
    (mapped.root / "map.yaml").write_text(MAP)
    (mapped.root / "list.csv").write_text(text_of(ROWS, ","))
    with pytest.raises(DocumentError, match=r"list\.csv:2: review.*dates: '%d\.%m\.%Y'"):
        take_in("list.csv", "--map", "map.yaml")


def test_line_of_a_row_after_a_cell_of_several_lines_is_right(mapped):
    first = ["R-10", '"two\r\nlines"', *ROWS[0][2:5], "loans", "A.7.4", "1.2.2027"]
    rows = [first, ["", *ROWS[1][1:]]]
    text = ",".join(HEAD) + "\r\n" + "".join(",".join(row) + "\r\n" for row in rows)
    (mapped.root / "list.csv").write_text(text)
    with pytest.raises(DocumentError, match=r"list\.csv:4: id is missing"):
        take_in("list.csv", "--map", "map.yaml")


def test_row_with_more_cells_than_the_header_is_told(mapped):
    (mapped.root / "list.csv").write_text(text_of(ROWS, ";").replace("Größe", "a;b"))
    with pytest.raises(DocumentError, match=r"list\.csv:2: a row has another number of cells"):
        take_in("list.csv", "--map", "map.yaml")


def test_column_that_is_missing_is_told_with_the_nearest(mapped):
    (mapped.root / "list.csv").write_text(text_of(ROWS, ";").replace("Likelihood", "Likelyhood"))
    with pytest.raises(DocumentError, match=r"no column 'Likelihood'.*'Likelyhood'"):
        take_in("list.csv", "--map", "map.yaml")


def test_mapping_that_is_wrong_is_told_by_its_line(mapped):
    (mapped.root / "list.csv").write_text(text_of(ROWS, ";"))
    (mapped.root / "map.yaml").write_text(MAP.replace("before.impact", "before.impct"))
    with pytest.raises(DocumentError, match=r"map\.yaml:8: risk has no field 'before\.impct'"):
        take_in("list.csv", "--map", "map.yaml")


def test_list_that_comes_again_writes_what_differs_only_when_asked(mapped):
    (mapped.root / "list.csv").write_text(text_of(ROWS, ","))
    take_in("list.csv", "--map", "map.yaml")
    again = take_in("list.csv", "--map", "map.yaml")
    assert (again["written"], again["same"]) == ([], 2)
    (mapped.root / "list.csv").write_text(text_of(ROWS, ",").replace("Zu alt", "Zu jung"))
    with pytest.raises(DocumentError, match=r"list\.csv:3: there is a risk R-11 already"):
        take_in("list.csv", "--map", "map.yaml")
    said = take_in("list.csv", "--map", "map.yaml", "--update")
    assert [(one["step"], one["id"]) for one in said["written"]] == [("change", "R-11")]


def test_workbook_is_read_with_its_numbers_and_days(mapped):
    from datetime import datetime

    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Risks"
    sheet.append(HEAD)
    sheet.append(["R-10", "Größe", "ana", 3, 4, "loans", "A.7.4", datetime(2027, 12, 31)])
    book.save(mapped.root / "list.xlsx")
    said = take_in("list.xlsx", "--map", "map.yaml")
    assert [one["id"] for one in said["written"]] == ["R-10"]
    assert mapped.entry("R-10").review == "2027-12-31"
    book.create_sheet("Other")
    book.save(mapped.root / "list.xlsx")
    with pytest.raises(DocumentError, match=r"several sheets.*'Risks', 'Other'"):
        take_in("list.xlsx", "--map", "map.yaml")
    assert take_in("list.xlsx", "--map", "map.yaml", "--sheet", "Risks")["same"] == 1


def test_list_whose_columns_are_called_like_fields_needs_no_mapping(mapped):
    (mapped.root / "list.csv").write_text(
        "id,title,category,our own column\nP-1,Authority,authority,x\nP-2,Customers,,y\n"
    )
    said = take_in("list.csv", "--register", "interested-party")
    assert [one["id"] for one in said["written"]] == ["P-1", "P-2"]
    (mapped.root / "list.csv").write_text("Name,Kind\nAuthority,authority\n")
    with pytest.raises(InputError, match="no column of the list is called like the field id"):
        take_in("list.csv", "--register", "interested-party")
