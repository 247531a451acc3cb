"""Reports handed to tools: as they are or as a mapping says, and to no place that is not named."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from aims_mlops.cli.exports import command
from aims_mlops.errors import AimsError, InputError
from aims_mlops.exports.export import export

PUBLISHER = """publishers:
  grc:
    url_from: AIMS_TEST_GRC
    headers: {{Authorization: AIMS_TEST_TOKEN}}
{more}"""


class Receiver:
    """Keeps what it is sent and answers with `status`."""

    def __init__(self):
        self.got, self.status, outer = [], 201, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                self.send_response(outer.status)
                self.send_header("Location", "http://elsewhere.example.org/")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api?key=hunter22"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(world, monkeypatch):
    made = Receiver()
    monkeypatch.setenv("AIMS_PLUGINS", "")
    monkeypatch.setenv("AIMS_TEST_GRC", made.url)
    monkeypatch.setenv("AIMS_TEST_TOKEN", "Bearer x")
    yield made
    made.server.shutdown()
    made.server.server_close()


def publish(world, *arguments, more="    private_hosts: [127.0.0.1]\n", name="grc"):
    world.write("aims.yaml", (world.root / "aims.yaml").read_text() + PUBLISHER.format(more=more))
    model = world.train().sha256
    done = CliRunner().invoke(command, ["cyclonedx", model, *arguments, "--publish", name])
    if done.exception is not None and isinstance(done.exception, AimsError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return model


def test_report_arrives_as_it_is_with_headers_from_the_environment(world, receiver):
    model = publish(world)
    ((headers, body),) = receiver.got
    assert headers["Authorization"] == "Bearer x"
    assert body == export(world.store, "cyclonedx", model).content


def test_mapping_makes_the_json_that_the_tool_wants(world, receiver):
    (world.root / "grc.yaml").write_text(
        "name: '{format} {version} of {subject}'\nfile: {content: '{base64}', tags: [aims, 1]}\n"
        "odd: '{nobody} {text'\n"
    )
    more = "    mapping: grc.yaml\n    private_hosts: [127.0.0.1]\n"
    model = publish(world, more=more)
    sent = json.loads(receiver.got[0][1])
    assert sent["name"] == f"cyclonedx 1.7 of {model}"
    made = export(world.store, "cyclonedx", model).content
    assert base64.b64decode(sent["file"]["content"]) == made
    assert sent["file"]["tags"] == ["aims", 1]
    assert sent["odd"] == "{nobody} {text"


@pytest.mark.parametrize(
    ("status", "more", "name", "words"),
    [
        (503, None, "grc", "not taken"),
        (302, None, "grc", "redirects"),
        (201, "", "grc", "plain HTTP"),
        (201, None, "no-such", "knows 'no-such'"),
    ],
)
def test_report_that_does_not_arrive_is_told_without_the_address(
    world, receiver, status, more, name, words
):
    receiver.status = status
    how = {} if more is None else {"more": more}
    with pytest.raises(InputError, match=words) as caught:
        publish(world, name=name, **how)
    assert "hunter22" not in str(caught.value)
