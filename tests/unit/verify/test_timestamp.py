"""Time-stamp tokens are checked against an authority's root with nothing but `cryptography`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509 import Certificate, load_pem_x509_certificate

from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.log.sql import SqlStore
from aims_verify.findings import Findings
from aims_verify.timestamp import check_chain, check_token

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
TEXT = b"aims-mlops/log/0\n3\nAAAA\n"
SETTINGS = """\
[tsa]
default_tsa=t
[t]
serial=serial
default_policy=1.2.3.4
digests=sha256,sha512
[stamp]
extendedKeyUsage=critical,timeStamping
basicConstraints=CA:FALSE
[mail]
extendedKeyUsage=critical,emailProtection
basicConstraints=CA:FALSE
"""


class Authority:
    """`openssl ts` with a root of its own."""

    def __init__(self, folder: Path, key: tuple[str, ...], usage: str = "stamp") -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "tsa.cnf").write_text(SETTINGS)
        (folder / "serial").write_text("01\n")
        new = ("req", "-newkey", *key, "-nodes")
        self._do(
            *(*new, "-x509", "-subj", "/CN=Root", "-days", "9"),
            *("-keyout", "root.key", "-out", "root.pem"),
        )
        self._do(*new, "-subj", "/CN=Stamp", "-keyout", "tsa.key", "-out", "tsa.csr")
        self._do(
            *("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key"),
            *("-days", "9", "-CAcreateserial", "-extfile", "tsa.cnf", "-extensions", usage),
            *("-out", "tsa.pem"),
        )

    def _do(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)

    @property
    def root(self) -> Certificate:
        return load_pem_x509_certificate((self._folder / "root.pem").read_bytes())

    @property
    def certificate(self) -> Certificate:
        return load_pem_x509_certificate((self._folder / "tsa.pem").read_bytes())

    def stamp(self, text: bytes, digest: str = "sha256") -> bytes:
        (self._folder / "text").write_bytes(text)
        self._do("ts", "-query", "-data", "text", f"-{digest}", "-cert", "-out", "query")
        self._do(
            *("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query"),
            *("-signer", "tsa.pem", "-inkey", "tsa.key", f"-{digest}", "-out", "token"),
        )
        return (self._folder / "token").read_bytes()


EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ts") / "ec", EC)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ts") / "other", EC)


def test_token_gives_the_time_at_which_the_text_was_seen(authority: Authority) -> None:
    for digest in ("sha256", "sha512"):
        time = check_token(authority.stamp(TEXT, digest), TEXT, [authority.root])
        assert abs(datetime.now(UTC) - time) < timedelta(minutes=1)


def test_token_signed_with_rsa_holds(tmp_path: Path) -> None:
    rsa = Authority(tmp_path / "rsa", ("rsa:2048",))
    check_token(rsa.stamp(TEXT), TEXT, [rsa.root])


def test_token_about_another_text_fails(authority: Authority) -> None:
    with pytest.raises(ValueError, match="about something else"):
        check_token(authority.stamp(TEXT), TEXT + b" ", [authority.root])


def test_token_of_another_authority_fails(authority: Authority, stranger: Authority) -> None:
    with pytest.raises(ValueError, match="does not lead to the root"):
        check_token(stranger.stamp(TEXT), TEXT, [authority.root])
    with pytest.raises(ValueError, match="does not lead to the root"):
        check_token(authority.stamp(TEXT), TEXT, [])


def test_certificate_for_something_else_fails(tmp_path: Path) -> None:
    """Whoever has a certificate of the same root for email is no time-stamp authority."""
    mail = Authority(tmp_path / "mail", EC, usage="mail")
    with pytest.raises(ValueError, match="not meant for time-stamping"):
        check_chain(mail.certificate, [], [mail.root], datetime.now(UTC))


@pytest.mark.parametrize("days", [-1, 10])
def test_time_at_which_the_certificate_was_not_valid_fails(authority: Authority, days: int) -> None:
    moment = datetime.now(UTC) + timedelta(days=days)
    check_chain(authority.certificate, [], [authority.root], datetime.now(UTC))
    with pytest.raises(ValueError, match="not valid at that time"):
        check_chain(authority.certificate, [], [authority.root], moment)


def test_one_flipped_bit_at_every_byte_of_a_token_never_moves_the_time(
    authority: Authority,
) -> None:
    token = authority.stamp(TEXT)
    honest = check_token(token, TEXT, [authority.root])
    moved = refused = 0
    for at in range(len(token)):
        flipped = token[:at] + bytes([token[at] ^ 1 << at % 8]) + token[at + 1 :]
        try:
            moved += check_token(flipped, TEXT, [authority.root]) != honest
        except ValueError:
            refused += 1
    print(f"token of {len(token)} bytes: {refused} flips refused, {moved} moved the time")
    assert moved == 0
    # What may change without a word: version numbers and such, which nobody signs or relies on.
    assert len(token) - refused < 60


def test_bundle_says_when_an_authority_saw_the_log(
    authority: Authority,
    stranger: Authority,
    store: SqlStore,
    evidence: Callable[..., Evidence],
    verdict: Callable[..., Findings],
    tmp_path: Path,
) -> None:
    from base64 import b64encode

    from aims_verify.verify import verify

    store.append_many([evidence(i) for i in range(3)])
    note = store.status().checkpoint or ""
    store.append_own(
        evidence(
            0,
            kind="anchor",
            subjects=(Subject("checkpoint:3", store.status().root),),
            body={
                "checkpoint": note,
                "size": 3,
                "method": "rfc3161",
                "place": "https://tsa.example.org",
                "token": b64encode(authority.stamp(note.encode())).decode(),
            },
        )
    )
    open_question = verdict()
    assert open_question.good
    assert any("--tsa-root" in sentence for sentence in open_question.unchecked)
    path = tmp_path / "bundle.aims"
    found = verify(path, roots=[authority.root], cores=1)
    assert any("saw the checkpoint of 3 records at 20" in sentence for sentence in found.holds)
    assert not verify(path, roots=[stranger.root], cores=1).good
