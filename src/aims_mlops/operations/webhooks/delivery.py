"""One event to one address, signed by Standard Webhooks, with everything bounded.

A redirect is never followed. An address of this machine or of a private network is refused unless
aims.yaml names its host, and the connection goes to the very address that was looked at, whatever
the name resolves to a moment later. Source: Standard Webhooks 1.0.0 (HMAC-SHA256, `v1`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aims_mlops.errors import InputError

SECONDS = 10.0  # for one try, from the first byte to the last


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a body. secret : `whsec_` and base64, 24 bytes or more."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < 24:
        raise InputError(
            "the secret of a webhook is not usable",
            got="no base64, or fewer than 24 bytes",
            expected="whsec_ and 24 to 64 bytes in base64",
            next_step="openssl rand -base64 32",
        )
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def deliver(
    url: str,
    secret: str,
    event_id: str,
    body: bytes,
    *,
    timestamp: int,
    private_hosts: Sequence[str],
    seconds: float = SECONDS,
) -> None:
    """Send once. Raises InputError where the address may not be sent to or did not take it.

    No message names the address: it may hold a secret.
    """
    headers = {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "aims-mlops",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, event_id, timestamp, body),
    }
    post(url, headers, body, private_hosts=private_hosts, seconds=seconds)


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    private_hosts: Sequence[str],
    method: str = "POST",
    what: str = "webhook",
    seconds: float = SECONDS,
) -> int:
    """One request, bounded as the head of this file says; the status, which is one of 2xx.

    what : what the address is of, for messages.  Raises InputError.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in ("https", "http"):
        raise InputError(f"the address of a {what} is none", expected="https://host/path")
    named = host.lower() in {name.lower() for name in private_hosts}
    if parts.scheme == "http" and not named:
        raise InputError(
            f"a {what} goes over plain HTTP",
            expected="https, or the host under private_hosts in aims.yaml",
        )
    port = port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    address = _address(host, port, what, named=named)
    connection = _Connection(host, port, address, parts.scheme, seconds)
    # A receiver that answers byte by byte would keep each read within its time, and us for ever.
    guard = threading.Timer(seconds, connection.cut)
    guard.daemon = True
    guard.start()
    try:
        connection.request(method, path, body, dict(headers))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = "did not answer in time" if connection.was_cut else type(error).__name__
        raise InputError(f"a {what} was not delivered: {why}") from error
    finally:
        guard.cancel()
        connection.close()
    if 300 <= status < 400:
        raise InputError(
            f"a {what} redirects, which is not followed",
            got=f"status {status}",
            next_step="write the address that it leads to, if it is the right one",
        )
    if not 200 <= status < 300:
        raise InputError(f"a {what} was not taken", got=f"status {status}", expected="2xx")
    return status


def _address(host: str, port: int, what: str, *, named: bool) -> str:
    """An address of the host, looked at; InputError for one of a network of ours."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InputError(f"the host of a {what} is not found") from error
    addresses = [str(entry[4][0]) for entry in found]
    private = [text for text in addresses if not ipaddress.ip_address(text.split("%")[0]).is_global]
    if private and not named:
        raise InputError(
            f"a {what} leads into a private network",
            expected="a public address, or the host under private_hosts in aims.yaml",
        )
    return addresses[0]


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was looked at, under the host's name."""

    def __init__(self, host: str, port: int, address: str, scheme: str, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds)
        self._address, self._scheme = address, scheme
        self.was_cut = False

    def connect(self) -> None:
        """Connect to the address; over TLS the certificate must be the host's."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End the connection from outside."""
        self.was_cut = True
        sock = self.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return
