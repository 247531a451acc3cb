"""What is wrong is told with thing, place and next step, and nothing is half-written."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest

from aims_mlops.errors import DocumentError
from aims_mlops.inventory.project import find_project
from aims_mlops.management.intake.reading import read_change
from aims_mlops.management.registers.enter import enter
from support.registers import NOW

POLICY = """\
---
register: document
id: ai-policy
title: AI policy
type: ai-policy
version: "1"
author: ana
serves: [5.2, A.2.2]
---
# AI policy

## Purpose
We use AI to help clerks.
"""


def enter_file(organisation, path, step="add", by="ana"):
    change = read_change(path, step=step)
    return enter(organisation.project, organisation.store, [change], actor=by, now=NOW)[0]


def test_file_that_changed_under_the_same_version_is_refused(organisation, tmp_path):
    path = tmp_path / "policy.md"
    path.write_text(POLICY)
    record = enter_file(organisation, path)
    held = record.evidence.body["file"]
    assert organisation.store.get_blob(held["sha256"]).startswith(b"# AI policy\n")
    path.write_text(POLICY.replace("clerks", "everybody"))
    with pytest.raises(DocumentError, match=r"policy\.md:6: the file of ai-policy changed and its"):
        enter_file(organisation, path, "change")
    path.write_text(POLICY.replace("clerks", "everybody").replace('"1"', '"2"'))
    enter_file(organisation, path, "change")
    assert [v.version for v in organisation.entry("ai-policy").versions] == ["1", "2"]


def test_change_of_front_matter_alone_keeps_the_version(organisation, tmp_path):
    path = tmp_path / "policy.md"
    path.write_text(POLICY)
    enter_file(organisation, path)
    path.write_text(POLICY.replace("author: ana\n", "author: ana\nreview: 2027-12-01\n"))
    enter_file(organisation, path, "change")
    assert organisation.entry("ai-policy").review == "2027-12-01"


def test_going_back_to_an_earlier_version_is_refused(organisation):
    organisation.add("document")
    first = {"url": "https://wiki.example.org/ai-policy", "sha256": "ab" * 32}
    organisation.change("ai-policy", version="2", link={**first, "sha256": "cd" * 32})
    with pytest.raises(DocumentError, match="version 1 of ai-policy has been followed by another"):
        organisation.change("ai-policy", version="1", link=first)


def test_two_people_with_one_id_are_refused_with_the_line(organisation, tmp_path):
    text = (tmp_path / "aims.yaml").read_text()
    (tmp_path / "aims.yaml").write_text(text + "  - {id: bo, roles: [developer]}\n")
    with pytest.raises(DocumentError, match=r"aims\.yaml:11: identity 'bo' of 'bo' belongs to an"):
        find_project(tmp_path)


def test_entry_about_an_unknown_system_or_person_is_refused_with_the_nearest(
    organisation, tmp_path
):
    path = tmp_path / "r.yaml"
    path.write_text(
        "register: risk\nid: R-9\ntitle: x\nowner: boo\nsource: y\n"
        "before: {likelihood: 1, impact: 1}\nsystems:\n  - loans\n  - support-bott\n"
    )
    with pytest.raises(DocumentError) as error:
        enter_file(organisation, path)
    text = str(error.value)
    assert "r.yaml:4: no such person; got 'boo'; did you mean 'bo'" in text
    assert "r.yaml:9: aims.yaml knows no such AI system; got 'support-bott'" in text
    assert organisation.register().all() == ()


def test_review_date_in_the_past_is_refused_and_one_that_passes_later_stays(organisation):
    with pytest.raises(DocumentError, match="the review date is in the past; got 2026-11-30"):
        organisation.add("risk", review="2026-11-30")
    organisation.add("risk", review="2026-12-01")
    later = NOW.replace(year=2027)
    organisation.change("R-1", title="the same review", now=later)
    assert organisation.entry("R-1").review_overdue(later)


@pytest.mark.parametrize("day", ["2026-02-30", "30.11.2026", "2026-1-1", "soon"])
def test_day_that_no_calendar_has_is_refused(organisation, day):
    with pytest.raises(DocumentError, match="a day of the calendar"):
        organisation.add("risk", due=day)


def test_circular_chain_of_superseding_documents_is_refused(organisation):
    organisation.add("document", id="a")
    organisation.add("document", id="b", supersedes=["a"])
    organisation.add("document", id="c", supersedes=["b"])
    with pytest.raises(DocumentError, match="in a circle; got a → c → b → a"):
        organisation.change("a", supersedes=["c"])
    with pytest.raises(DocumentError, match="in a circle"):
        organisation.change("a", supersedes=["a"])
    with pytest.raises(DocumentError, match="no such document"):
        organisation.change("a", supersedes=["d"])


def test_estimate_outside_the_scale_is_refused_with_its_ends(organisation):
    with pytest.raises(DocumentError, match=r"impact lies outside the scale; got 6; expected 1"):
        organisation.add("risk", before={"likelihood": 1, "impact": 6})


def test_secret_or_address_in_a_text_is_refused_and_not_repeated(organisation):
    with pytest.raises(DocumentError, match="looks like personal data") as error:
        organisation.add("risk", source="told by jane.roe@example.com")
    assert "jane" not in str(error.value)
    token = "ghp_" + "a1B2c3D4" * 5
    with pytest.raises(DocumentError, match="looks like a secret") as error:
        organisation.add("risk", source=f"token {token}")
    assert token not in str(error.value)


@pytest.mark.parametrize("changed", [{"auditor": "ana"}, {"audited": ["di"]}, {"auditor": "bo"}])
def test_auditor_audits_nothing_of_their_own(organisation, changed):
    with pytest.raises(DocumentError, match="an auditor of nothing of their own"):
        organisation.add("audit", **changed)


def test_anonymous_concern_does_not_tell_who_raised_it(organisation):
    record = organisation.add("concern", by="ana")
    assert record.evidence.actor == "anonymous"
    assert record.evidence.claimed_at == "2026-12-01T00:00:00.000000Z"
    assert b"ana" not in record.envelope
    assert b'"ana"' not in record.leaf


@pytest.mark.parametrize(
    "said",
    [
        {"reported_by": "ana"},
        {"about": "I, Ana Lima, saw it"},
        {"title": "seen by ana@example.org"},
        {"owner": "ana"},
    ],
)
def test_anonymous_concern_that_names_its_author_is_refused(organisation, said):
    with pytest.raises(DocumentError):
        organisation.add("concern", by="ana", **said)
    assert organisation.register().all() == ()


def office_file(author: str) -> bytes:
    held = io.BytesIO()
    core = f"<cp:coreProperties><dc:creator>{author}</dc:creator></cp:coreProperties>"
    with zipfile.ZipFile(held, "w") as parts:
        parts.writestr("docProps/core.xml", core)
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.docx", office_file("Ana Lima")),
        (
            "packed.pdf",
            b"%PDF-1.7\n1 0 obj <</Type /ObjStm>> stream\n"
            + zlib.compress(b"1 0 <</Author (Ana Lima)>>")
            + b"\nendstream",
        ),
        ("letter.pdf", b"%PDF-1.7\n1 0 obj <</Author (Ana Lima)>> endobj"),
    ],
)
def test_anonymous_concern_whose_file_names_its_author_is_refused(
    organisation, tmp_path, name, content
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DocumentError, match="the file says who wrote it") as error:
        organisation.add("concern", file=name)
    assert "Ana" not in str(error.value)


def test_anonymous_concern_with_a_file_that_names_nobody_is_taken(organisation, tmp_path):
    (tmp_path / "letter.docx").write_bytes(office_file(""))
    record = organisation.add("concern", file="letter.docx")
    assert organisation.store.get_blob(record.evidence.body["file"]["sha256"])


def test_everything_that_is_wrong_with_a_file_is_told_at_once(organisation, tmp_path):
    path = tmp_path / "d.yaml"
    path.write_text(
        "register: document\nid: d\ntitle: D\ntype: ai-polcy\nversion: 1.0\nauthr: ana\n"
    )
    with pytest.raises(DocumentError) as error:
        enter_file(organisation, path)
    text = str(error.value)
    assert "d.yaml:5: version; got 1.0; expected text; a number that is meant as text" in text
    assert "d.yaml:6: unknown key 'authr'; did you mean 'author'" in text
    assert "author is missing" in text
    assert "nothing was stored" in text


def test_file_that_is_not_there_is_refused_by_its_line(organisation, tmp_path):
    path = tmp_path / "d.yaml"
    path.write_text(
        "register: document\nid: d\ntitle: D\ntype: plan\nversion: a\nauthor: ana\nfile: no.pdf\n"
    )
    with pytest.raises(DocumentError, match=r"d\.yaml:7: cannot read the file"):
        enter_file(organisation, path)


def test_scale_of_aims_yaml_that_contradicts_itself_is_refused(tmp_path):
    text = "management: {risk_scale: {likelihood: [a], impact: [b], acceptable: 2}}\n"
    (tmp_path / "aims.yaml").write_text(text)
    with pytest.raises(DocumentError, match="acceptable lies above the scale"):
        find_project(tmp_path)


def test_file_outside_the_folder_is_not_put_into_the_log(organisation, tmp_path):
    """Whoever may write into a synced repository asks for any other file of the machine."""
    secret = tmp_path.parent / f"{tmp_path.name}-secret.txt"
    secret.write_text("key")
    inside = tmp_path / "docs"
    inside.mkdir()
    (inside / "link.txt").symlink_to(secret)
    for named in (f"../{secret.name}", str(secret), "link.txt", "../aims.yaml"):
        path = inside / "d.yaml"
        path.write_text(
            "register: document\nid: d\ntitle: D\ntype: plan\nversion: a\nauthor: ana\n"
            f"file: {named}\n"
        )
        with pytest.raises(DocumentError, match=r"d\.yaml:7: the file lies elsewhere"):
            enter_file(organisation, path)


def test_role_that_is_almost_one_is_told_by_lint(organisation, tmp_path):
    from aims_mlops.inventory.completeness import unfilled

    text = (tmp_path / "aims.yaml").read_text()
    (tmp_path / "aims.yaml").write_text(text.replace("top-management", "top-managment"))
    _, document, problems = unfilled(tmp_path / "aims.yaml")
    (found,) = [p for p in problems if "almost" in p.thing]
    assert (found.hint, document.line(found.place)) == ("top-management", 8)
