"""Kept-alive HTTP connections to one server, with the standard library alone.

Redirects are not followed: a token must not travel to an address that nobody configured.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from base64 import b64encode
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from aims_mlops.errors import InputError, StoreUnavailableError

TOKEN_VARIABLE = "AIMS_TOKEN"  # noqa: S105  the name of a variable
TOKEN_FILE_VARIABLE = "AIMS_TOKEN_FILE"  # noqa: S105  the name of a variable
INSECURE_VARIABLE = "AIMS_INSECURE_HTTP"  # "1": send the token over plain HTTP to other machines
CONNECT_TIMEOUT = 10.0  # seconds
ANSWER_TIMEOUT = 120.0  # seconds
MAX_ANSWER = 512 * 1024 * 1024  # bytes
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    media_type: str
    content: bytes


class _EndsResponses(http.client.HTTPConnection):
    """A connection that ends its response when it is closed.

    Python 3.11.2 leaves the response of a refused tunnel open.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._last: http.client.HTTPResponse | None = None
        self.response_class = self._made  # type: ignore[assignment]  # called, never subclassed

    def _made(self, *args: Any, **more: Any) -> http.client.HTTPResponse:
        self._last = http.client.HTTPResponse(*args, **more)
        return self._last

    def close(self) -> None:
        """Close the connection, and what of an answer was not read."""
        super().close()
        if self._last is not None:
            self._last.close()


class _HttpsConnection(_EndsResponses, http.client.HTTPSConnection):
    pass


class Connection:
    """Requests to one server; safe to use from threads and after a fork."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                "not the URL of an evidence server",
                got=f"{parts.scheme}://…",
                expected="such as https://evidence.example.org",
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InputError(
                "the URL of an evidence server is its address only",
                next_step=f"put the token into {TOKEN_VARIABLE} or {TOKEN_FILE_VARIABLE}",
            )
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.secure else 80)
        self.prefix = parts.path.rstrip("/")
        self.url = f"{parts.scheme}://{parts.netloc}{self.prefix}"
        self._idle: deque[http.client.HTTPConnection] = deque()  # its methods are atomic
        self._process = os.getpid()
        if (
            not self.secure
            and self.host not in _LOOPBACK
            and os.environ.get(INSECURE_VARIABLE) != "1"
        ):
            raise InputError(
                f"a token would go to {self.host} in the clear",
                expected="https://",
                next_step=f"use TLS, or set {INSECURE_VARIABLE}=1 inside a network you trust",
            )

    def request(
        self,
        method: str,
        path: str,
        *,
        query: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        media_type: str = "application/json",
    ) -> Answer:
        """Send a request and return the answer, whatever its status.

        Every request of this API may be sent twice, so one is, where a kept-alive connection turns
        out to be dead. Raises StoreUnavailableError if the server cannot be reached.
        """
        target = quote(f"{self.prefix}{path}") + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json, */*", "User-Agent": "aims-mlops"}
        token = read_token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = media_type
        kept = self._kept()
        if kept is not None:
            try:
                return self._exchange(kept, method, target, body, headers)
            except TimeoutError as error:
                raise self._unreachable(error) from error
            except (http.client.HTTPException, OSError):
                pass  # the server closed it while it was idle: once more, on a new one
        try:
            return self._exchange(self._open(), method, target, body, headers)
        except (http.client.HTTPException, OSError) as error:
            raise self._unreachable(error) from error

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> Answer:
        """One request on one connection, which is kept for the next if nothing went wrong."""
        keep = False
        try:
            if connection.sock is None:
                connection.connect()
            if connection.sock is not None:  # always so, behind a connect
                connection.sock.settimeout(ANSWER_TIMEOUT)
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            content = response.read(MAX_ANSWER + 1)
            if len(content) > MAX_ANSWER:
                raise http.client.HTTPException("the answer is too large")
            keep = not response.will_close
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.close()
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip()
        return Answer(response.status, media_type, content)

    def _kept(self) -> http.client.HTTPConnection | None:
        """A connection that is open and idle, if there is one."""
        if self._process != os.getpid():  # a fork's child must not speak through its parent's
            self.close()
            self._process = os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _open(self) -> http.client.HTTPConnection:
        scheme = "https" if self.secure else "http"
        proxy = None if proxy_bypass(self.host) else getproxies().get(scheme)
        host, port = self.host, self.port
        credentials: dict[str, str] = {}
        through = bool(proxy) and self.host not in _LOOPBACK
        if proxy and through:
            host, port, credentials = read_proxy(proxy)
        connection: http.client.HTTPConnection
        if self.secure:
            connection = _HttpsConnection(
                host, port, timeout=CONNECT_TIMEOUT, context=ssl.create_default_context()
            )
        else:
            connection = _EndsResponses(host, port, timeout=CONNECT_TIMEOUT)
        if through:
            connection.set_tunnel(self.host, self.port, headers=credentials)
        return connection

    def close(self) -> None:
        """Close every idle connection; the next request opens one."""
        while self._idle:
            self._idle.pop().close()

    def _unreachable(self, error: Exception) -> StoreUnavailableError:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return StoreUnavailableError(
            f"the evidence server {self.url} cannot be reached",
            got=str(reason)[:200],
            next_step="start it, or check the URL; evidence of runs is spooled meanwhile",
        )


def read_proxy(proxy: str) -> tuple[str, int, dict[str, str]]:
    """Host, port and the headers with its credentials; raises InputError.

    proxy : as http_proxy and https_proxy name it, such as http://user:secret@proxy.example.org:3128.
    """
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = parts.hostname, parts.port or 3128
    except ValueError:
        host, port, parts = None, 0, urlsplit("")
    if not host or parts.scheme != "http":
        raise InputError(
            "the proxy that the environment names cannot be used",
            got=f"a proxy of kind {parts.scheme[:20] or 'unknown'}",
            expected="http://host:port, with user:secret@ before the host where it asks for them",
            next_step="set https_proxy or http_proxy, or name the server in no_proxy",
        )
    if parts.username is None:
        return host, port, {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    secret = b64encode(pair.encode()).decode()
    return host, port, {"Proxy-Authorization": f"Basic {secret}"}


def read_token() -> str:
    """The bearer token of this process: AIMS_TOKEN, else the file that AIMS_TOKEN_FILE names."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    path = os.environ.get(TOKEN_FILE_VARIABLE)
    if not token and path:
        try:
            token = Path(path).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InputError(
                f"the token in {TOKEN_FILE_VARIABLE} cannot be read", got=error.strerror
            ) from error
    if not token.isascii() or any(not 32 < ord(c) < 127 for c in token):
        raise InputError("the token holds characters that no token has")
    return token
