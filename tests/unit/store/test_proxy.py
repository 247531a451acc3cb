"""A proxy that asks who is there is told so, and nobody else is."""

from __future__ import annotations

import contextlib
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator

import pytest

from aims_mlops.errors import InputError, StoreUnavailableError
from aims_mlops.store.remote.connection import Connection

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


class Proxy:
    """Opens a tunnel to whoever knows the secret, and is itself what lies behind the tunnel."""

    def __init__(self, secret: str) -> None:
        self._wanted = f"Proxy-Authorization: Basic {b64encode(secret.encode()).decode()}"
        self.heads: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), client, client.makefile("rb") as reader:
                if self._wanted not in self._head(reader):
                    client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                    continue
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._head(reader)
                client.sendall(ANSWER)

    def _head(self, reader: object) -> str:
        lines: list[str] = []
        while line := reader.readline().decode().strip():  # type: ignore[attr-defined]
            lines.append(line)
        self.heads.append("\n".join(lines))
        return self.heads[-1]

    def stop(self) -> None:
        self._listener.close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMS_INSECURE_HTTP", "1")
    monkeypatch.setenv("AIMS_TOKEN", "token")
    found = Proxy("ana:p@ss/word")
    yield found
    found.stop()


def test_credentials_of_a_proxy_reach_it_and_only_it(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://ana:p%40ss%2Fword@{proxy.address}")
    connection = Connection("http://evidence.test")
    assert connection.request("GET", "/v1/health").content == b"ok"
    connection.close()
    tunnel, request = proxy.heads
    assert tunnel.startswith("CONNECT evidence.test:80")
    assert "Bearer" not in tunnel
    assert "Proxy-Authorization" not in request
    assert "Bearer token" in request


def test_wrong_credentials_of_a_proxy_are_told_without_the_secret(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://ana:guessed@{proxy.address}")
    with pytest.raises(StoreUnavailableError, match="407") as caught:
        Connection("http://evidence.test").request("GET", "/v1/health")
    assert "guessed" not in str(caught.value)


@pytest.mark.parametrize(
    "named", ["socks5://u:secret@h:1", "https://u:secret@h:1", "http://", "x://"]
)
def test_proxy_of_another_kind_is_refused_without_its_secret(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("http_proxy", named)
    with pytest.raises(InputError, match="proxy") as caught:
        Connection("http://evidence.test").request("GET", "/v1/health")
    assert "secret" not in str(caught.value).replace("user:secret@", "")
