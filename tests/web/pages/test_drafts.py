"""Drafts: several people write, nothing is lost, and a half-read form changes nothing else."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aims_mlops.errors import StoreUnavailableError
from aims_mlops.web.drafts.drafts import Drafts
from aims_mlops.web.drafts.merge import merge


def test_two_people_who_write_into_two_fields_keep_both(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path / "drafts.db")
    first = drafts.save("m", {"scope": {"covers": "", "leaves_out": ""}}, on=0, person="ana")
    drafts.save("m", {"scope": {"covers": "a", "leaves_out": ""}}, on=first.version, person="ana")
    third = drafts.save(
        "m", {"scope": {"covers": "", "leaves_out": "b"}}, on=first.version, person="bo"
    )
    assert third.document == {"scope": {"covers": "a", "leaves_out": "b"}}
    assert third.conflicts == {}
    newest = drafts.newest("m")
    assert newest is not None
    assert (newest.version, newest.person) == (3, "bo")


def test_two_people_who_write_into_one_field_lose_neither_text(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path / "drafts.db")
    drafts.save("m", {"failures": "x"}, on=0, person="ana")
    drafts.save("m", {"failures": "of ana"}, on=1, person="ana")
    clash = drafts.save("m", {"failures": "of bo"}, on=1, person="bo")
    assert clash.conflicts == {"failures": ("of ana", "of bo")}
    assert clash.document == {"failures": "of ana"}
    chosen = drafts.save("m", {"failures": "of both"}, on=clash.version, person="bo")
    assert (chosen.document, chosen.conflicts) == ({"failures": "of both"}, {})


def test_fifty_writers_at_once_lose_no_field(tmp_path: Path) -> None:
    fields = {f"f{n}": "" for n in range(50)}
    Drafts(tmp_path / "drafts.db").save("m", fields, on=0, person="ana")

    def write(n: int) -> None:
        said = {**fields, f"f{n}": str(n)}
        Drafts(tmp_path / "drafts.db").save("m", said, on=1, person=f"p{n}")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newest = Drafts(tmp_path / "drafts.db").newest("m")
    assert newest is not None
    assert newest.document == {f"f{n}": str(n) for n in range(50)}


def test_draft_outlives_the_process_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".aims" / "drafts.db"
    Drafts(path).save("m", {"failures": "x"}, on=0, person="ana")
    again = Drafts(path).newest("m")
    assert again is not None
    assert again.document == {"failures": "x"}
    assert path.stat().st_mode & 0o077 == 0
    Drafts(path).end("m")
    assert Drafts(path).newest("m") is None


def test_drafts_that_cannot_be_kept_say_so(tmp_path: Path) -> None:
    (tmp_path / "drafts.db").write_text("this is no database")
    with pytest.raises(StoreUnavailableError, match="cannot be used"):
        Drafts(tmp_path / "drafts.db").newest("m")


def test_saving_what_stands_there_makes_no_version(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path / "drafts.db")
    drafts.save("m", {"failures": "x"}, on=0, person="ana")
    assert drafts.save("m", {"failures": "x"}, on=1, person="bo").version == 1


def test_row_that_one_adds_and_text_that_another_writes_come_together() -> None:
    base = {"impacts": [], "failures": ""}
    merged = merge(
        base, {"impacts": [{"id": "a"}], "failures": ""}, {"impacts": [], "failures": "f"}
    )
    assert merged.document == {"impacts": [{"id": "a"}], "failures": "f"}
    assert merged.conflicts == {}
