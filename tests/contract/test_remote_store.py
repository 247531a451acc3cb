"""What every evidence store does, over HTTP: the same suite against a real server."""

from __future__ import annotations

import importlib
import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import (
    EvidenceConflictError,
    EvidenceFormatError,
    InputError,
    StoreUnavailableError,
)
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import Signature, key_id, pae, unseal
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.bundle.export import Scope, export_bundle
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.remote.client import RemoteStore
from aims_mlops.store.verify.verify import verify_store
from aims_verify.verify import verify
from support.evidence_server import Server

# The suite over SQLite and PostgreSQL; its tests run here with this module's fixtures.
suite = importlib.import_module("contract.test_evidence_store")
SHARED = (
    "test_appended_record_is_found_as_it_came",
    "test_fields_of_a_newer_version_survive",
    "test_find_filters_by_every_field_and_their_combination",
    "test_find_reads_more_than_one_page_in_both_directions",
    "test_same_key_and_same_evidence_is_the_same_record",
    "test_same_key_and_another_body_is_a_conflict_and_stores_nothing",
    "test_same_evidence_without_a_key_is_stored_once",
    "test_batch_with_one_bad_record_stores_none",
    "test_key_that_could_hold_text_is_refused",
    "test_unknown_id_is_not_found",
    "test_every_state_of_the_log_is_signed_and_continues_the_one_before",
    "test_every_record_has_a_proof_that_verifies_offline",
    "test_blob_comes_back_and_is_checked_on_every_read",
    "test_envelope_holds_the_statement_in_canonical_form",
)
globals().update({name: getattr(suite, name) for name in SHARED})


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SqlStore]:
    """The store that the server serves."""
    store = open_sql_store(f"sqlite:///{tmp_path}/log/evidence.db")
    yield store
    store.close()


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.db")


@pytest.fixture
def server(behind: SqlStore, tokens: Tokens) -> Iterator[Any]:
    running = Server(behind, tokens)
    yield running
    running.stop()


@pytest.fixture(params=["pinned", "unpinned"])
def opened(
    request: pytest.FixtureRequest,
    server: Any,
    behind: SqlStore,
    tokens: Tokens,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RemoteStore]:
    """A client, with and without the log's key: the contract is the same."""
    text, _ = tokens.create("contract", frozenset({"capture", "read"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if request.param == "pinned":
        monkeypatch.setenv("AIMS_LOG_KEY", str(behind.verifier_keys()[0]))
    store = RemoteStore(server.url)
    yield store
    store.close()


def test_status_is_that_of_the_store_behind(opened: RemoteStore, behind: SqlStore) -> None:
    opened.append_many([suite.evidence(i) for i in range(3)])
    here, there = opened.status(), behind.status()
    assert (here.size, here.root, here.checkpoint, here.log_id) == (
        there.size,
        there.root,
        there.checkpoint,
        there.log_id,
    )
    assert verify_store(behind).ok


def test_threads_and_forked_processes_push_without_gaps(
    opened: RemoteStore, behind: SqlStore
) -> None:
    opened.append(suite.evidence(999_999))

    def some(name: int) -> None:
        for i in range(20):
            opened.append(suite.evidence(1000 * name + i))

    threads = [threading.Thread(target=some, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=some, args=(9,))
    child.start()
    some(10)
    child.join()
    assert child.exitcode == 0
    assert [r.sequence for r in opened.find()] == list(range(121))
    assert verify_store(behind).ok


def test_signature_of_a_person_is_kept_beside_the_log_s(
    server: Any, opened: RemoteStore, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text, _ = tokens.create("approver", frozenset({"approve"}), days=1, actor="risk@example.org")
    monkeypatch.setenv("AIMS_TOKEN", text)
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    given = suite.evidence(1, kind="approval", actor="risk@example.org")
    payload = canonical(given.to_statement())
    message = pae("application/vnd.in-toto+json", payload)
    own = Signature(key_id(public.public_bytes_raw()), private.sign(message))
    record = opened.append(given, signatures=[own])
    envelope = unseal(record.envelope)
    assert own in envelope.signatures
    assert len(envelope.signatures) == 2
    public.verify(own.value, pae(envelope.payload_type, envelope.payload))


def test_bundle_made_over_http_verifies_offline(opened: RemoteStore, tmp_path: Path) -> None:
    blob = opened.put_blob(b"card", media_type="text/markdown")
    card = {"sha256": blob.sha256, "size": 4, "media_type": "text/markdown"}
    opened.append_many([suite.evidence(i, body={"card": card}) for i in range(20)])
    for scope in (Scope(), Scope(kind=("run",))):
        found = verify(export_bundle(opened, tmp_path / "b.aims", scope=scope).path, cores=1)
        assert found.good, list(found.failures())
        assert any("1 blob" in sentence for sentence in found.holds)


def test_large_batch_goes_in_several_requests(opened: RemoteStore) -> None:
    many = [suite.evidence(i, body={"pad": "x" * 4000}) for i in range(1500)]
    records = opened.append_many(many)
    assert [r.sequence for r in records] == list(range(1500))
    assert [r.evidence for r in records] == many
    big = [suite.evidence(i, body={"pad": "x" * 1_500_000}) for i in range(3)]
    assert len(opened.append_many(big)) == 3
    assert len(list(opened.find(since=1500))) == 3


def test_evidence_too_large_for_one_request_is_refused_before_it_is_sent(
    opened: RemoteStore,
) -> None:
    with pytest.raises(EvidenceFormatError, match="too large for the server"):
        opened.append(suite.evidence(1, body={"pad": "x" * (4 * 1024 * 1024 - 400)}))
    assert opened.append(suite.evidence(2)).sequence == 0


def test_server_serves_either_database(
    store_url: str, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = tokens.create("pipeline", frozenset({"capture", "read"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    store = open_sql_store(store_url, blobs=str(tmp_path / "b"), keys=tmp_path / "k")
    running = Server(store, tokens)
    remote = RemoteStore(running.url)
    records = remote.append_many([suite.evidence(i) for i in range(300)])
    assert remote.append_many([r.evidence for r in records]) == records
    assert [r.sequence for r in remote.find(newest_first=True, limit=3)] == [299, 298, 297]
    assert verify(export_bundle(remote, tmp_path / "b.aims").path, cores=1).good
    same = suite.evidence(999)
    for push in (
        lambda: remote.append(records[0].evidence, key="another"),
        lambda: remote.append_many([same, same], keys=["one", "two"]),
    ):
        with pytest.raises(EvidenceConflictError, match="two idempotency keys"):
            push()
    assert remote.status().size == 300
    remote.close()
    running.stop()
    assert verify_store(store).ok
    store.close()


def test_unreachable_server_is_unavailable(opened: RemoteStore, server: Any) -> None:
    opened.append(suite.evidence(1))
    server.stop()
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        opened.append(suite.evidence(2))
    with pytest.raises(StoreUnavailableError):
        list(opened.find())
    with pytest.raises(StoreUnavailableError):
        opened.status()


@pytest.mark.parametrize("token", ["", "aims_000000000000_x", "nonsense"])
def test_wrong_token_leaves_the_evidence_for_later(
    opened: RemoteStore, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("AIMS_TOKEN", token)
    with pytest.raises(StoreUnavailableError, match="AIMS_TOKEN"):
        opened.append(suite.evidence(1))


def test_token_for_capture_neither_reads_nor_approves(
    opened: RemoteStore, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = tokens.create("ci", frozenset({"capture"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    opened.append(suite.evidence(1))
    with pytest.raises(StoreUnavailableError, match=r"scope read.*create NAME --scope read"):
        list(opened.find())
    with pytest.raises(StoreUnavailableError, match="create NAME --scope operate"):
        opened.append(suite.evidence(2, kind="decision"))
    for kind in ("approval", "rejection"):
        with pytest.raises(StoreUnavailableError, match="kind"):
            opened.append(suite.evidence(2, kind=kind))
    # What no token allows is refused for good, here already, so that no spool waits for it.
    for kind in ("key-rotation", "erasure", "anchor"):
        with pytest.raises(EvidenceFormatError, match="only made by the log itself"):
            opened.append(suite.evidence(2, kind=kind))


@pytest.mark.parametrize(
    "url",
    [
        "http://evidence.example.org",
        "https://user:secret@evidence.example.org",
        "https://evidence.example.org?token=x",
        "ftp://127.0.0.1",
        "https://",
    ],
)
def test_address_that_would_leak_a_token_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        RemoteStore(url)


def test_pinned_key_that_is_not_the_log_s_fails_the_push(
    opened: RemoteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aims_mlops.errors import StoreError
    from aims_mlops.evidence.transparency.note import VerifierKey

    opened.append(suite.evidence(1))
    own = opened.verifier_keys()[0]
    monkeypatch.setenv("AIMS_LOG_KEY", str(own))
    opened.append(suite.evidence(2))
    monkeypatch.setenv("AIMS_LOG_KEY", str(VerifierKey(own.name, bytes(range(32)))))
    with pytest.raises(StoreError, match="not believable"):
        opened.append(suite.evidence(3))


def test_conflict_and_bad_evidence_are_told_apart_from_an_outage(opened: RemoteStore) -> None:
    opened.append(suite.evidence(1), key="k")
    with pytest.raises(EvidenceConflictError):
        opened.append(suite.evidence(2), key="k")
    with pytest.raises(EvidenceFormatError):
        opened.append(suite.evidence(3, claimed_at="yesterday"))
    with pytest.raises(EvidenceFormatError, match="too large"):
        opened.put_blob(bytes(64 * 1024 * 1024 + 1), media_type="x/y")
