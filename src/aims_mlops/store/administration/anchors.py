"""Give the log's checkpoint to somebody outside: a file, a git repository, a time-stamp authority.

Without an anchor, whoever holds the database and the key can rewrite everything. What was anchored
is put on record, with the checkpoint's text, so that a later verification can hold the log to it.
"""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import InputError, MissingExtraError, StoreError, VerificationError
from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Record, Subject
from aims_mlops.evidence.transparency.checkpoint import origin_of, unverified_checkpoint
from aims_mlops.evidence.transparency.keychain import KeyChain, KeySpan
from aims_mlops.evidence.urls import without_credentials
from aims_mlops.store.administration.key_rotation import handovers
from aims_mlops.store.bundle.source import SqlSource
from aims_mlops.store.disk.atomic_write import make_folder, write_file
from aims_mlops.store.log.sql import SqlStore

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_TIMEOUT = 30.0  # seconds
_MAX_TOKEN = 100_000  # bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchor as the log records it; `token` is the RFC 3161 response in DER, if any."""

    sequence: int
    method: str
    place: str
    size: int
    checkpoint: str
    token: bytes | None


def anchor_to_file(store: SqlStore, path: Path, *, actor: str) -> Record:
    """Write the checkpoint to a file, or into a folder under the log's id and size."""
    note, size, log_id = _current(store)
    target = path / f"{log_id}-{size:012d}.checkpoint" if path.is_dir() else path
    try:
        make_folder(target.parent)
        write_file(target, note.encode())
    except OSError as error:
        raise StoreError(
            f"the checkpoint cannot be written to {target}", got=error.strerror or str(error)
        ) from error
    return _record(store, note, actor=actor, method="file", place=str(target))


def anchor_to_git(store: SqlStore, repository: Path, *, actor: str, push: bool = False) -> Record:
    """Commit the checkpoint to a git repository; `push` sends it to its upstream as well."""
    note, size, log_id = _current(store)
    name = f"checkpoints/{log_id}/{size:012d}.checkpoint"
    if not (repository / ".git").exists():
        raise InputError(f"{repository} is not a git repository")
    target = repository / name
    make_folder(target.parent)
    write_file(target, note.encode())
    _git(repository, "add", "--", name)
    _git(repository, "commit", "-q", "-m", f"Checkpoint of {size} records", "--", name)
    commit = _git(repository, "rev-parse", "HEAD")
    if push:
        _git(repository, "push", "-q")
    return _record(
        store, note, actor=actor, method="git", place=f"{repository.name}/{name}", commit=commit
    )


def anchor_to_tsa(
    store: SqlStore, url: str, *, actor: str, roots: tuple[Path, ...], timeout: float = _TIMEOUT
) -> Record:
    """Have a time-stamp authority (RFC 3161) sign the checkpoint; raises if its answer is wrong.

    roots : PEM files with the authority's root certificates; the answer is verified before it is
    put on record.
    """
    import urllib.error
    import urllib.request

    note, _, _ = _current(store)
    client = _client()
    request = client.TimestampRequestBuilder().data(note.encode()).build()
    if not url.startswith(("https://", "http://")):
        raise InputError(
            "the time-stamp authority has no http address", got=without_credentials(url)[:120]
        )
    question = urllib.request.Request(  # noqa: S310  the scheme is checked above
        url,
        data=request.as_bytes(),
        headers={"Content-Type": "application/timestamp-query"},
    )
    try:
        with urllib.request.urlopen(question, timeout=timeout) as answer:  # noqa: S310
            token = answer.read(_MAX_TOKEN)
    except (urllib.error.URLError, OSError) as error:
        named = without_credentials(url)
        raise StoreError(f"the time-stamp authority {named} did not answer: {error}") from error
    time = check_token(token, note, certificates(roots), nonce=request.nonce)
    return _record(
        store,
        note,
        actor=actor,
        method="rfc3161",
        place=url,
        token=b64encode(token).decode(),
        time=time,
    )


def check_token(
    token: bytes, note: str, roots: list[Certificate], *, nonce: int | None = None
) -> str:
    """The time (RFC 3339) at which an authority saw a checkpoint; raises VerificationError."""
    client = _client()
    try:
        response = client.decode_timestamp_response(token)
        builder = client.VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        if nonce is not None:
            builder = builder.nonce(nonce)
        builder.build().verify_message(response, note.encode())
    except (client.VerificationError, ValueError) as error:
        raise VerificationError(f"the time-stamp token does not hold: {error}") from error
    return clock.stamp(response.tst_info.gen_time)


def certificates(paths: tuple[Path, ...]) -> list[Certificate]:
    """The certificates in PEM files; raises InputError."""
    from cryptography.x509 import load_pem_x509_certificates

    found: list[Certificate] = []
    for path in paths:
        try:
            found.extend(load_pem_x509_certificates(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} holds no certificate: {error}") from error
    if not found:
        raise InputError(
            "no root certificate of the time-stamp authority was given",
            next_step="pass its PEM file",
        )
    return found


def anchors(store: SqlStore) -> list[Anchor]:
    """Every anchor on record, oldest first."""
    found = []
    for record in store.find(kind="anchor"):
        body = record.evidence.body
        token = body.get("token")
        note = str(body["checkpoint"])
        found.append(
            Anchor(
                record.sequence,
                str(body["method"]),
                str(body["place"]),
                unverified_checkpoint(note).size,
                note,
                b64decode(token) if isinstance(token, str) else None,
            )
        )
    return found


def _current(store: SqlStore) -> tuple[str, int, str]:
    status = store.status()
    if status.checkpoint is None:
        raise InputError(f"the log {store.url} is empty: there is no checkpoint to anchor")
    # Nobody outside is given a checkpoint that the log's keys, as they followed, do not vouch for.
    chain = KeyChain(
        origin_of(status.log_id), (KeySpan(*key) for key in SqlSource(store).log_keys())
    )
    for failure in chain.failures(handovers(store)):
        raise VerificationError(failure, next_step="aims evidence verify")
    chain.read_head(status.checkpoint)
    return status.checkpoint, status.size, status.log_id


def _record(store: SqlStore, note: str, *, actor: str, **body: Any) -> Record:
    checkpoint = unverified_checkpoint(note)
    return store.append_own(
        Evidence(
            kind="anchor",
            subjects=(Subject(f"checkpoint:{checkpoint.size}", checkpoint.root.hex()),),
            body={"checkpoint": note, "size": checkpoint.size, **body},
            actor=actor,
            claimed_at=clock.now(),
        )
    )


def _client() -> Any:
    try:
        import rfc3161_client
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "a time-stamp authority", library="rfc3161-client", extra="timestamp"
        ) from error
    return rfc3161_client


def _git(repository: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"git cannot be run: {error}") from error
    if done.returncode != 0:
        raise StoreError(
            f"git {arguments[0]} failed in {repository}", got=done.stderr.strip()[:300]
        )
    return done.stdout.strip()
