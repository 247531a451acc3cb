"""Who is told: once for each event, in one message, through a real address; failures are kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

_RECIPIENTS = """
notices:
  ops:
    urls_from: AIMS_NOTICE_OPS
  owners:
    urls_from: AIMS_NOTICE_OWNERS
    least: major
"""


class Receiver:
    """An HTTP server that keeps what it is sent; `down` makes it refuse."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.down = False
        self.redirect = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.redirect:
                    self.send_response(307)
                    self.send_header("Location", outer.redirect)
                elif outer.down:
                    self.send_response(503)
                else:
                    outer.messages.append(json.loads(body) | {"path": self.path})
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/{path}"


@pytest.fixture
def receiver(loans: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    found = Receiver()
    with Path("plain.yaml").open("a") as settings:
        settings.write(_RECIPIENTS)
    loans.monitor(rows_min=100)
    monkeypatch.setenv("AIMS_NOTICE_OPS", found.url("ops"))
    monkeypatch.setenv("AIMS_NOTICE_OWNERS", found.url("owners"))
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_each_recipient_is_told_once_with_everything_that_is_new(
    loans: Any, receiver: Receiver
) -> None:
    frame = loans.frame(40).assign(colour="red").drop(columns="age")
    loans.day(0, frame)
    loans.at(1)
    done = loans.run()
    assert {n["outcome"] for n in done["notices"]} == {"sent"}
    by_path = {message["path"]: message for message in receiver.messages}
    assert set(by_path) == {"/ops", "/owners"}
    assert "colour" in by_path["/ops"]["message"]
    assert "colour" not in by_path["/owners"]["message"]  # minor
    for message in by_path.values():
        assert "age" in message["message"]
        assert "Next:" in message["message"]
    assert loans.run()["notices"] == []
    assert len(receiver.messages) == 2


def test_address_that_is_away_is_recorded_and_tried_again(loans: Any, receiver: Receiver) -> None:
    receiver.down = True
    loans.day(0, loans.frame(40))
    loans.at(1)
    code, _ = loans.aims("monitor", "run")
    assert code == 2
    failed = [n.evidence.body for n in loans.records("notice")]
    assert {body["outcome"] for body in failed} == {"failed"}
    assert all("not delivered" in body["problem"] for body in failed)
    receiver.down = False
    assert {n["outcome"] for n in loans.run()["notices"]} == {"sent"}
    assert len(receiver.messages) == 2


def test_address_with_a_secret_is_in_no_record(
    loans: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_NOTICE_OPS", "json://user:hunter2@127.0.0.1:1/x")
    monkeypatch.delenv("AIMS_NOTICE_OWNERS")
    loans.day(0, loans.frame(40))
    loans.at(1)
    loans.run()
    problems = {n.evidence.body["recipient"]: n.evidence.body for n in loans.records("notice")}
    assert "AIMS_NOTICE_OWNERS is empty or not set" in problems["owners"]["problem"]
    assert b"hunter2" not in Path(".aims/evidence.db").read_bytes()


def test_monitor_that_names_who_is_told_leaves_others_in_peace(
    loans: Any, receiver: Receiver
) -> None:
    loans.monitor(rows_min=100, tell=["owners"])
    loans.day(0, loans.frame(40))
    loans.at(1)
    loans.run()
    assert [message["path"] for message in receiver.messages] == ["/owners"]


def test_recipient_that_nobody_declares_is_a_mistake_in_aims_yaml(loans: Any) -> None:
    loans.monitor(tell=["oops"])
    code, said = loans.aims("monitor", "status")
    assert code == 2
    assert "notices names no recipient 'oops'" in said


def test_redirect_to_another_port_gets_no_notice(loans: Any, receiver: Receiver) -> None:
    elsewhere = Receiver()
    receiver.redirect = elsewhere.url("stolen").replace("json://", "http://")
    loans.at(1)
    done = loans.run()
    elsewhere.server.shutdown()
    elsewhere.server.server_close()
    assert elsewhere.messages == []
    assert {notice["outcome"] for notice in done["notices"]} == {"failed"}
