"""Reports are made in the background and kept by digest; what fails says why."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from aims_mlops.errors import InputError
from aims_mlops.web.pages.reports import KINDS
from aims_mlops.web.reports.desk import Desk, Report

from .conftest import Served, Someone


def finished(desk: Desk, id_: str) -> Report:
    for _ in range(1_200):
        found = desk.report(id_)
        if found.state in ("done", "failed"):
            return found
        time.sleep(0.05)
    raise AssertionError("the report was not made")


@pytest.mark.parametrize("kind", KINDS)
def test_report_is_made_and_given_as_a_file_of_its_digest(
    served: Served, kind: str, tmp_path: Path
) -> None:
    there = f"{served.url}/console/reports"
    sent = httpx.post(there, data={"kind": kind, "system": "loans"}, timeout=60)
    assert sent.status_code == 303
    desk = Desk(served.world.root / ".aims" / "console-reports")
    report = finished(desk, desk.reports()[0].id)
    assert (report.state, report.problem, report.kind) == ("done", None, kind)
    given = httpx.get(f"{there}/{report.id}", timeout=60)
    assert hashlib.sha256(given.content).hexdigest() == report.sha256
    assert "attachment" in given.headers["content-disposition"]
    assert "sandbox" in given.headers["content-security-policy"]
    if kind == "bundle":
        (tmp_path / "pack").write_bytes(given.content)
        verifier = Path(sys.executable).with_name("aims-verify")
        told = subprocess.run([verifier, tmp_path / "pack"], capture_output=True, check=False)
        assert told.returncode == 0, told.stdout


@pytest.mark.parametrize(
    ("kind", "system"), [("nothing", "loans"), ("coverage", "../x"), ("history", "")]
)
def test_report_of_nothing_is_not_made(served: Served, kind: str, system: str) -> None:
    sent = httpx.post(f"{served.url}/console/reports", data={"kind": kind, "system": system})
    assert sent.status_code == 404


def test_reader_of_another_system_gets_no_report(served: Served) -> None:
    desk = Desk(served.world.root / ".aims" / "console-reports")
    served.viewer = Someone(systems=frozenset({"another"}))
    try:
        for report in desk.reports():
            assert httpx.get(f"{served.url}/console/reports/{report.id}").status_code == 404
        assert httpx.get(f"{served.url}/v1/console/reports").json()["reports"] == []
    finally:
        served.viewer = Someone()


def test_progress_is_seen_by_another_worker_and_a_failure_says_why(tmp_path: Path) -> None:
    desk, other = Desk(tmp_path), Desk(tmp_path)
    told, go_on = threading.Event(), threading.Event()

    def make(tell):  # type: ignore[no-untyped-def]
        tell(3, 7)
        told.set()
        go_on.wait(60)
        raise InputError("no policy decides", got="x")

    id_ = desk.ask("coverage", "", person="bo", name="x.html", make=make)
    assert told.wait(60)
    seen = other.report(id_)
    assert (seen.state, seen.done, seen.of) == ("running", 3, 7)
    go_on.set()
    assert finished(other, id_).problem == "no policy decides"


def test_report_that_was_changed_on_the_disk_is_not_given(tmp_path: Path) -> None:
    from aims_mlops.errors import EvidenceNotFoundError

    desk = Desk(tmp_path)
    id_ = desk.ask("coverage", "", person="bo", name="x.html", make=lambda tell: b"made")
    report = finished(desk, id_)
    assert desk.content(report) == b"made"
    (tmp_path / str(report.sha256)).write_bytes(b"forged")
    with pytest.raises(EvidenceNotFoundError, match="not what was made"):
        desk.content(report)


def test_report_of_a_server_that_was_stopped_says_so(tmp_path: Path) -> None:
    import sqlite3

    desk = Desk(tmp_path)
    id_ = desk.ask("coverage", "", person="bo", name="x.html", make=lambda tell: b"made")
    finished(desk, id_)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    with sqlite3.connect(tmp_path / "reports.db") as connection:
        connection.execute("UPDATE reports SET state = 'running', server = ?", (str(ended.pid),))
    connection.close()
    assert desk.report(id_).problem == "the server was stopped meanwhile; ask again"
