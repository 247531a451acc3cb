"""Keys, erasure, holds, retention and anchors, over SQLite and PostgreSQL."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import (
    EvidenceNotFoundError,
    GovernanceError,
    InputError,
    StoreError,
    VerificationError,
)
from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.store import BlobReference
from aims_mlops.evidence.transparency.checkpoint import check_proof, read_checkpoint
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.administration.anchors import (
    anchor_to_file,
    anchor_to_git,
    anchor_to_tsa,
    anchors,
)
from aims_mlops.store.administration.erasure import erase, holds, place_hold, prune, release_hold
from aims_mlops.store.administration.key_rotation import list_keys, revoke_key, rotate_key
from aims_mlops.store.disk.key_file import load_key
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store

ME = "tester@example.org"


def evidence(n: int = 0, **fields: Any) -> Evidence:
    given: dict[str, Any] = {
        "kind": "run",
        "subjects": (Subject.of_name(f"run:{n}"),),
        "body": {"n": n},
        "actor": ME,
        "claimed_at": clock.now(),
        **fields,
    }
    return Evidence(**given)


def with_blob(reference: BlobReference, n: int = 0) -> Evidence:
    blob = {
        "sha256": reference.sha256,
        "size": reference.size,
        "media_type": reference.media_type,
    }
    return evidence(n, kind="model-card", body={"markdown": blob})


# ---- keys


def test_rotated_log_verifies_and_old_proofs_still_hold(opened: SqlStore) -> None:
    first = opened.append(evidence(1))
    proof = opened.prove(0)
    old = opened.status().checkpoint or ""
    rotation = rotate_key(opened, actor=ME)
    opened.append(evidence(2))
    keys = list_keys(opened)
    assert [(k.valid_from, k.valid_until) for k in keys] == [(0, 2), (2, None)]
    assert rotation.evidence.body["previous"] == keys[0].key_id
    trusted = VerifierKey.parse(keys[0].verifier)
    assert check_proof(proof, first.leaf, [trusted])[0] == 0
    report = verify_store(opened, kept=[old], trusted=[trusted])
    assert report.ok, report.failures
    assert "the log begins with the key that was handed over" in report.holds
    note = opened.status().checkpoint or ""
    with pytest.raises(VerificationError):
        read_checkpoint(note, [trusted])
    assert read_checkpoint(note, [VerifierKey.parse(keys[1].verifier)]).size == 3


def test_store_that_was_open_meanwhile_takes_up_the_new_key(
    opened: SqlStore, store_url: str, tmp_path: Path
) -> None:
    opened.append(evidence(1))
    other = open_sql_store(
        store_url, blobs=str(tmp_path / "log" / "blobs"), keys=tmp_path / "log" / "keys"
    )
    other.append(evidence(2))
    rotate_key(opened, actor=ME)
    other.append(evidence(3))
    other.close()
    assert verify_store(opened).ok
    assert opened.status().size == 4


def test_rotation_killed_before_the_key_file_was_moved_is_completed(
    opened: SqlStore, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened.append(evidence(1))
    with monkeypatch.context() as patch:
        # As if killed there: the log has the new key, the key file still the old one.
        patch.setattr(type(opened.signing), "promote", lambda self: None)
        rotate_key(opened, actor=ME)
    opened.close()
    again = open_sql_store(
        store_url, blobs=str(tmp_path / "log" / "blobs"), keys=tmp_path / "log" / "keys"
    )
    again.append(evidence(2))
    assert verify_store(again).ok
    assert not (tmp_path / "log" / "keys" / "log.key.next").exists()
    again.close()


def test_old_private_key_is_gone_after_a_rotation(opened: SqlStore, tmp_path: Path) -> None:
    opened.append(evidence(1))
    rotate_key(opened, actor=ME)
    files = sorted(p.name for p in (tmp_path / "log" / "keys").iterdir())
    assert files == ["log.key", "log.seen"]
    path = tmp_path / "log" / "keys" / "log.key"
    assert load_key(path).key_id == list_keys(opened)[1].key_id
    assert path.stat().st_mode & 0o777 == 0o600


def test_key_that_signs_now_cannot_be_revoked_and_an_old_one_is_reported(opened: SqlStore) -> None:
    opened.append(evidence(1))
    old = list_keys(opened)[0]
    with pytest.raises(InputError, match="signs the log now"):
        revoke_key(opened, old.key_id[:8], since=0, actor=ME, reason="lost laptop")
    rotate_key(opened, actor=ME)
    revoke_key(opened, old.key_id[:8], since=1, actor=ME, reason="lost laptop")
    assert list_keys(opened)[0].revoked_from == 1
    report = verify_store(opened)
    assert any("was revoked" in point for point in report.open_points)
    with pytest.raises(InputError):
        revoke_key(opened, "0" * 8, since=1, actor=ME, reason="x")


def test_key_row_that_no_record_hands_over_to_is_found(opened: SqlStore) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from aims_mlops.evidence.encoding.envelope import key_id
    from aims_mlops.store.database.tables import log_keys

    opened.append_many([evidence(i) for i in range(3)])
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with opened.database.writing() as connection:
        forged = {"valid_from": 3, "key_id": key_id(public), "public": public}
        connection.execute(log_keys.insert(), forged)
    assert any("did not hand over" in f for f in verify_store(opened).failures)


def test_key_with_a_passphrase_needs_it(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_KEY_PASSPHRASE", "correct horse")
    place = {"blobs": str(tmp_path / "b"), "keys": tmp_path / "k"}
    store = open_sql_store(store_url, **place)  # type: ignore[arg-type]
    store.append(evidence(1))
    store.close()
    monkeypatch.setenv("AIMS_KEY_PASSPHRASE", "wrong")
    store = open_sql_store(store_url, **place)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="passphrase"):
        store.append(evidence(2))
    store.close()
    monkeypatch.delenv("AIMS_KEY_PASSPHRASE")
    store = open_sql_store(store_url, **place)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="AIMS_KEY_PASSPHRASE"):
        store.append(evidence(2))
    assert store.status().size == 1
    store.close()


# ---- erasure, holds, retention


def test_personal_blob_is_stored_encrypted_and_comes_back(opened: SqlStore, tmp_path: Path) -> None:
    content = b"name: Ada Lovelace, born 1815"
    one = opened.put_blob(content, media_type="text/plain", personal=True)
    two = opened.put_blob(content, media_type="text/plain", personal=True)
    assert one.sha256 != two.sha256  # a guess cannot be tested against the log
    assert opened.get_blob(one.sha256) == content
    stored = b"".join(
        p.read_bytes()
        for p in (tmp_path / "log").rglob("*")
        if p.is_file() and "blob.key" not in p.name
    )
    assert b"Lovelace" not in stored


def test_erased_content_is_gone_and_every_proof_still_holds(opened: SqlStore) -> None:
    reference = opened.put_blob(b"personal", media_type="text/plain", personal=True)
    record = opened.append(with_blob(reference))
    proof = opened.prove(record.sequence)
    assert verify_store(opened).blobs == 1
    erase(opened, reference.sha256, actor=ME, reason="request of 2026-11-20")
    with pytest.raises(EvidenceNotFoundError):
        opened.get_blob(reference.sha256)
    assert check_proof(proof, record.leaf, opened.verifier_keys())[0] == record.sequence
    report = verify_store(opened)
    assert report.ok, report.failures
    assert "1 blobs: content erased, commitment intact" in report.open_points
    with pytest.raises(EvidenceNotFoundError):
        erase(opened, reference.sha256, actor=ME, reason="again")


def test_erasing_leaves_neither_key_nor_object_behind(opened: SqlStore, tmp_path: Path) -> None:
    from aims_mlops.store.database.tables import blob_keys

    reference = opened.put_blob(b"personal", media_type="text/plain", personal=True)
    erase(opened, reference.sha256, actor=ME, reason="request")
    with opened.database.reading() as connection:
        assert connection.execute(blob_keys.select()).all() == []
    assert [p for p in (tmp_path / "log" / "blobs").rglob("*") if p.is_file()] == []


def test_hold_on_a_subject_or_a_blob_blocks_erasure_until_released(opened: SqlStore) -> None:
    reference = opened.put_blob(b"personal", media_type="text/plain", personal=True)
    record = opened.append(with_blob(reference, 7))
    subject = record.evidence.subjects[0].sha256
    for held in (subject, reference.sha256):
        hold = place_hold(opened, [held], actor=ME, reason="case 12/26")
        with pytest.raises(GovernanceError, match="under a hold"):
            erase(opened, reference.sha256, actor=ME, reason="request")
        assert opened.get_blob(reference.sha256) == b"personal"
        assert prune(opened, older_than=timedelta(0), actor=ME) == []
        assert [h.record_id for h in holds(opened)] == [hold.id]
        release_hold(opened, hold.id, actor=ME, reason="case closed")
        with pytest.raises(InputError):
            release_hold(opened, hold.id, actor=ME, reason="twice")
    erase(opened, reference.sha256, actor=ME, reason="request")


def test_retention_prunes_old_content_and_no_leaf(opened: SqlStore) -> None:
    plain = opened.put_blob(b"old report", media_type="text/plain")
    sealed = opened.put_blob(b"old personal", media_type="text/plain", personal=True)
    shared = opened.put_blob(b"still used", media_type="text/plain")
    opened.append_many([with_blob(plain, 1), with_blob(sealed, 2), with_blob(shared, 3)])
    opened.append(
        evidence(
            4,
            kind="run",
            body={
                "report": {"sha256": shared.sha256, "size": shared.size, "media_type": "text/plain"}
            },
        )
    )
    assert prune(opened, older_than=timedelta(days=1), actor=ME) == []
    done = prune(opened, older_than=timedelta(0), actor=ME, kinds=["model-card"])
    assert sorted(done[0].evidence.body["blobs"]) == sorted([plain.sha256, sealed.sha256])
    for reference in (plain, sealed):
        with pytest.raises(EvidenceNotFoundError):
            opened.get_blob(reference.sha256)
    assert opened.get_blob(shared.sha256) == b"still used"
    report = verify_store(opened)
    assert report.ok, report.failures
    assert report.size == 5
    assert prune(opened, older_than=timedelta(0), actor=ME, kinds=["model-card"]) == []


def test_damaged_encrypted_blob_is_not_returned(opened: SqlStore, tmp_path: Path) -> None:
    reference = opened.put_blob(b"personal", media_type="text/plain", personal=True)
    opened.append(with_blob(reference))
    secrets = opened.secrets_of(reference.sha256)
    assert secrets is not None
    path = tmp_path / "log" / "blobs" / secrets.name[:2] / secrets.name
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    with pytest.raises(VerificationError):
        opened.get_blob(reference.sha256)
    assert not verify_store(opened).ok


# ---- anchors


def test_checkpoint_in_a_file_holds_the_log_to_it(opened: SqlStore, tmp_path: Path) -> None:
    opened.append_many([evidence(i) for i in range(5)])
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        anchor_to_file(opened, tmp_path / "file" / "below", actor=ME)
    folder = tmp_path / "anchors"
    folder.mkdir()
    anchor_to_file(opened, folder, actor=ME)
    assert opened.status().anchored
    (kept,) = [p.read_text() for p in folder.iterdir()]
    opened.append(evidence(9))
    report = verify_store(opened, kept=[kept])
    assert report.ok, report.failures
    assert "the log continues the kept checkpoint of 5 records" in report.holds
    assert not any("unanchored" in point for point in report.open_points)


def test_checkpoint_is_committed_to_a_git_repository(
    opened: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        monkeypatch.setenv(f"GIT_{name}", "tester@example.org")
    repository = tmp_path / "repository"
    repository.mkdir()
    opened.append(evidence(1))
    with pytest.raises(InputError, match="not a git repository"):
        anchor_to_git(opened, repository, actor=ME)
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    anchor_to_git(opened, repository, actor=ME)
    opened.append(evidence(2))
    anchor_to_git(opened, repository, actor=ME)
    log = subprocess.run(
        ["git", "-C", str(repository), "log", "--format=%s"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert log.stdout.splitlines() == ["Checkpoint of 3 records", "Checkpoint of 1 records"]
    assert [a.size for a in anchors(opened)] == [1, 3]
    assert verify_store(opened).ok


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A time-stamp authority of our own (openssl ts) and its root certificate."""
    folder = tmp_path_factory.mktemp("tsa")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    (folder / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\n"
        "signer_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256,sha512\nordering=yes\n"
        "tsa_name=yes\n"
        "[ext]\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=CA:FALSE\n"
    )
    openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=Test root",
        "-days",
        "30",
        "-keyout",
        "root.key",
        "-out",
        "root.pem",
    )
    openssl(
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=Test TSA",
        "-keyout",
        "tsa.key",
        "-out",
        "tsa.csr",
    )
    openssl(
        "x509",
        "-req",
        "-in",
        "tsa.csr",
        "-CA",
        "root.pem",
        "-CAkey",
        "root.key",
        "-days",
        "30",
        "-CAcreateserial",
        "-extfile",
        "tsa.cnf",
        "-extensions",
        "ext",
        "-out",
        "tsa.pem",
    )
    (folder / "serial").write_text("01\n")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = folder / "query.tsq"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl(
                "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr"
            )
            answer = (folder / "reply.tsr").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", folder / "root.pem"
    server.shutdown()
    thread.join()
    server.server_close()


def test_time_stamp_is_verified_now_and_later(
    opened: SqlStore, authority: tuple[str, Path], tmp_path: Path
) -> None:
    url, root = authority
    opened.append_many([evidence(i) for i in range(3)])
    record = anchor_to_tsa(opened, url, actor=ME, roots=(root,))
    assert record.evidence.body["time"] <= clock.now()
    report = verify_store(opened, authorities=[root])
    assert report.ok, report.failures
    assert any("saw the first 3 records by" in line for line in report.holds)
    unchecked = verify_store(opened)
    assert any("tokens were not checked" in point for point in unchecked.open_points)


def test_time_stamp_by_another_authority_is_refused(
    opened: SqlStore, authority: tuple[str, Path], tmp_path: Path
) -> None:
    url, _ = authority
    stranger = tmp_path / "stranger.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=Stranger",
            "-days",
            "30",
            "-keyout",
            os.devnull,
            "-out",
            str(stranger),
        ],
        check=True,
        capture_output=True,
    )
    opened.append(evidence(1))
    with pytest.raises(VerificationError, match="time-stamp"):
        anchor_to_tsa(opened, url, actor=ME, roots=(stranger,))
    assert not opened.status().anchored


def test_authority_that_does_not_answer_leaves_no_anchor(opened: SqlStore, authority: Any) -> None:
    opened.append(evidence(1))
    with pytest.raises(StoreError, match="did not answer"):
        anchor_to_tsa(opened, "http://127.0.0.1:9/", actor=ME, roots=(authority[1],))
    with pytest.raises(InputError):
        anchor_to_tsa(opened, "file:///etc/passwd", actor=ME, roots=(authority[1],))
    assert not opened.status().anchored
