"""Events to machines: signed, once, again while they do not arrive, nowhere they must not go."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from aims_mlops.errors import InputError
from aims_mlops.evidence.clock import stamp
from aims_mlops.operations.webhooks.delivery import deliver
from aims_mlops.operations.webhooks.send import GIVEN_UP, send_events
from support.gate import world as world

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


class Receiver:
    """Keeps what it is sent, if the signature holds; answers with `status`."""

    def __init__(self):
        self.events, self.status, self.headers, outer = [], 200, {}, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = Webhook(SECRET).verify(body, dict(self.headers))
                if outer.status == 200:
                    outer.events.append((event, self.headers["webhook-id"]))
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=hunter22"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def hooked(world, receiver, monkeypatch):
    """The world with a webhook that leads to the receiver."""
    monkeypatch.setenv("AIMS_TEST_HOOK", receiver.url)
    monkeypatch.setenv("AIMS_TEST_SECRET", SECRET)
    hook = (
        "webhooks:\n  siem:\n    url_from: AIMS_TEST_HOOK\n    secret_from: AIMS_TEST_SECRET\n"
        "    private_hosts: [127.0.0.1]\n"
    )
    world.write("aims.yaml", (world.root / "aims.yaml").read_text() + hook)
    return world


def send(world, *, later=timedelta(0)):
    pauses = []
    now = datetime.now(UTC) + later
    return send_events(world.store, world.project, now, pause=pauses.append)


def names(receiver):
    return [event["type"].removeprefix("aims-mlops.") for event, _ in receiver.events]


def test_what_happened_is_told_once_as_signed_cloudevents(hooked, receiver):
    model = hooked.train(figures=[])
    hooked.submit(model)
    decision = hooked.gate(model)
    (notice,) = send(hooked)
    assert notice.evidence.body["outcome"] == "sent"
    assert names(receiver) == ["approval-wanted", "decision", "refused"]
    event, header = receiver.events[1]
    assert event["specversion"] == "1.0"
    assert event["id"] == header
    assert event["data"]["verdict"] == "refused"
    assert event["data"]["record"] == decision.record
    assert "approvals.count" in event["data"]["rules"]
    assert send(hooked) == []
    assert len(receiver.events) == 3


def test_event_names_no_person(hooked, receiver):
    model = hooked.ready()
    hooked.gate(model)
    send(hooked)
    text = json.dumps(receiver.events)
    assert not [
        person for person in ("ana", "alima", "bo@example.org", "dee") if f'"{person}"' in text
    ]


def test_events_that_were_not_chosen_are_not_sent(hooked, receiver):
    text = (hooked.root / "aims.yaml").read_text()
    hooked.write("aims.yaml", text + "    events: [refused]\n")
    hooked.gate(hooked.train(figures=[]))
    send(hooked)
    assert names(receiver) == ["refused"]


def test_waiver_is_told_when_its_end_is_near(hooked, receiver):
    near, far = (stamp(datetime.now(UTC) + timedelta(days=n)) for n in (3, 90))
    for number, end in enumerate((near, far)):
        body = {"rule": f"r{number}", "expires_at": end, "reason": "x"}
        model = hooked.train(f"m{number}")
        hooked.record("waiver", [model.subject], body)
    send(hooked)
    assert [e["data"]["rule"] for e, _ in receiver.events if "expiring" in e["type"]] == ["r0"]


def test_receiver_that_is_away_is_tried_again_and_loses_nothing(hooked, receiver):
    receiver.status = 503
    hooked.gate(hooked.train(figures=[]))
    (failed,) = send(hooked)
    assert failed.evidence.body["outcome"] == "failed"
    assert "503" in failed.evidence.body["problem"]
    assert "hunter22" not in json.dumps(dict(failed.evidence.body))
    receiver.status = 200
    assert send(hooked) == []  # too early
    send(hooked, later=timedelta(minutes=2))
    assert names(receiver) == ["decision", "refused"]


def test_event_that_never_arrives_is_given_up_in_sight(hooked, receiver):
    receiver.status = 500
    hooked.gate(hooked.train(figures=[]))
    for run in range(GIVEN_UP):
        (last,) = send(hooked, later=timedelta(hours=7 * run))
    assert last.evidence.body["problem"].startswith("given up")
    receiver.status = 200
    send(hooked, later=timedelta(hours=7 * GIVEN_UP))
    assert names(receiver) == ["refused"]


def test_redirect_to_another_host_is_not_followed(hooked, receiver):
    other = Receiver()
    receiver.status, receiver.headers = 307, {"Location": other.url}
    hooked.gate(hooked.train(figures=[]))
    (failed,) = send(hooked)
    assert "redirects" in failed.evidence.body["problem"]
    assert other.events == []
    other.server.shutdown()
    other.server.server_close()


@pytest.mark.parametrize(
    ("url", "hosts", "words"),
    [
        ("https://127.0.0.1:9/x", (), "private network"),
        ("https://localhost:9/x", ("example.org",), "private network"),
        ("https://[::1]:9/x", (), "private network"),
        ("https://169.254.169.254/latest", (), "private network"),
        ("https://10.0.0.1/x", (), "private network"),
        ("http://127.0.0.1:9/x", (), "plain HTTP"),
        ("file:///etc/passwd", (), "is none"),
        ("nonsense", (), "is none"),
        ("https://no-such-host.invalid/x", (), "not found"),
    ],
)
def test_address_that_must_not_be_sent_to_is_refused(url, hosts, words):
    with pytest.raises(InputError, match=words) as caught:
        deliver(url, SECRET, "id", b"{}", timestamp=0, private_hosts=hosts)
    assert url not in str(caught.value)


def test_receiver_that_answers_byte_by_byte_is_cut_off():
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip():
        peer, _ = listener.accept()
        with peer:
            try:
                while not stop.wait(0.05):
                    peer.sendall(b"H")
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with pytest.raises(InputError, match="not delivered"):
        deliver(url, SECRET, "id", b"{}", timestamp=int(time.time()),
                private_hosts=["127.0.0.1"], seconds=0.5)  # fmt: skip
    stop.set()
    listener.close()


@pytest.mark.parametrize("secret", ["", "short", "whsec_c2hvcnQ=", "whsec_%%%"])
def test_weak_secret_is_refused(receiver, secret):
    with pytest.raises(InputError, match="secret"):
        deliver(receiver.url, secret, "id", b"{}", timestamp=0, private_hosts=["127.0.0.1"])
    assert receiver.events == []


def test_variable_that_is_not_set_is_told(hooked, receiver, monkeypatch):
    monkeypatch.delenv("AIMS_TEST_HOOK")
    hooked.gate(hooked.train(figures=[]))
    (failed,) = send(hooked)
    assert "AIMS_TEST_HOOK" in failed.evidence.body["problem"]
