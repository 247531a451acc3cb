"""What the verifier says of honest bundles, and what it leaves open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import InputError
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.administration.anchors import anchor_to_file
from aims_mlops.store.administration.erasure import erase
from aims_mlops.store.administration.key_rotation import revoke_key, rotate_key
from aims_mlops.store.bundle.export import Scope, export_bundle
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.verify.verify import verify_store
from aims_verify.findings import Findings, UnreadableError
from aims_verify.note import Checkpoint, parse_key
from aims_verify.verify import verify

Verdict = Callable[..., Findings]
Make = Callable[..., Evidence]


def _says(sentences: list[str], text: str) -> bool:
    return any(text in sentence for sentence in sentences)


def _kept(store: SqlStore) -> Checkpoint:
    note = store.status().checkpoint
    assert note is not None
    return Checkpoint.parse(note)


def test_whole_log_holds_and_says_that_it_is_unanchored(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    store.append_many([evidence(i) for i in range(5)])
    found = verdict()
    assert found.good
    assert _says(found.holds, "the 5 records are the whole log")
    assert _says(found.holds, "5 signatures of the log over records hold")
    assert _says(found.unchecked, "unanchored")
    assert _says(found.unchecked, "its key is not pinned")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 255, 256, 257])
def test_every_size_of_tree_holds_whole_and_in_part(
    store: SqlStore, evidence: Make, verdict: Verdict, size: int
) -> None:
    store.append_many([evidence(i) for i in range(size)])
    assert verdict().good
    last = Subject.of_name(f"run:{size - 1}").sha256
    part = verdict(scope=Scope(subject=last))
    assert part.good
    assert _says(part.holds, f"in the log of {size}")


def test_pinned_key_and_kept_checkpoint_close_the_open_questions(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    store.append_many([evidence(i) for i in range(5)])
    kept = _kept(store)
    store.append_many([evidence(i) for i in range(5, 12)])
    key = parse_key(str(store.verifier_keys()[0]))
    found = verdict(kept=kept, keys=(key,))
    assert found.good
    assert _says(found.holds, "continues the checkpoint you kept (5 records)")
    assert _says(found.holds, "the log's key is the one you gave")
    assert found.unchecked == []


def test_key_of_another_log_fails(store: SqlStore, evidence: Make, verdict: Verdict) -> None:
    store.append(evidence(0))
    found = verdict(keys=(("0" * 64, b""),))
    assert list(found.failures()) == [
        "none of the log's keys is the one you gave: this is another log, or a forgery"
    ]


def test_checkpoint_of_another_log_fails(
    store: SqlStore, evidence: Make, verdict: Verdict, tmp_path: Path
) -> None:
    from aims_mlops.store.opening import open_sql_store

    other = open_sql_store(f"sqlite:///{tmp_path}/other/evidence.db")
    other.append(evidence(0))
    kept = _kept(other)
    other.close()
    store.append(evidence(0))
    assert _says(list(verdict(kept=kept).failures()), "is of another log")


def test_part_without_a_proof_leaves_the_kept_checkpoint_open(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    store.append_many([evidence(i) for i in range(5)])
    kept = _kept(store)
    store.append(evidence(5))
    found = verdict(kept=kept, scope=Scope(kind=("run",)))
    assert found.good
    assert _says(found.unchecked, "--since")
    assert _says(found.unchecked, "completeness")


def test_rotated_keys_are_followed_through_the_log(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    store.append_many([evidence(i) for i in range(3)])
    first = store.verifier_keys()[0]
    kept = _kept(store)
    rotate_key(store, actor="keeper")
    store.append_many([evidence(i) for i in range(3, 6)])
    rotate_key(store, actor="keeper")
    store.append(evidence(6))
    for scope in (Scope(), Scope(subject=Subject.of_name("run:6").sha256)):
        found = verdict(kept=kept, keys=(parse_key(str(first)),), scope=scope, since=None)
        assert found.good, list(found.failures())
        assert _says(found.holds, "each of the log's 3 keys was announced by the one before it")


def test_revoked_key_leaves_what_it_signed_open(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    store.append(evidence(0))
    old = parse_key(str(store.verifier_keys()[0]))[0]
    rotate_key(store, actor="keeper")
    revoke_key(store, old, since=0, actor="keeper", reason="stolen")
    found = verdict()
    assert found.good
    assert _says(found.unchecked, f"key {old[:16]} was revoked")


def _with_blob(store: SqlStore, make: Make, content: bytes, *, personal: bool = False) -> str:
    blob = store.put_blob(content, media_type="text/plain", personal=personal)
    reference = {"sha256": blob.sha256, "size": blob.size, "media_type": blob.media_type}
    store.append(make(0, kind="model-card", body={"markdown": reference}))
    return blob.sha256


def test_erased_content_leaves_the_commitment_intact(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    name = _with_blob(store, evidence, b"a name", personal=True)
    erase(store, name, actor="keeper", reason="asked for")
    found = verdict(personal=True)
    assert found.good
    assert _says(found.unchecked, "content erased, commitment intact")


def test_personal_content_stays_out_unless_asked_for(
    store: SqlStore, evidence: Make, verdict: Verdict, tmp_path: Path
) -> None:
    from base64 import b64encode

    _with_blob(store, evidence, b"a name in the clear", personal=True)
    without = verdict()
    assert _says(without.unchecked, "1 blob of personal data")
    assert b64encode(b"a name in the clear") not in (tmp_path / "bundle.aims").read_bytes()
    with_it = verdict(personal=True)
    assert with_it.good
    assert _says(with_it.holds, "the content of 1 blob is here and unchanged")


def test_content_of_several_parts_is_checked_and_may_be_left_out(
    store: SqlStore, evidence: Make, verdict: Verdict, tmp_path: Path
) -> None:
    _with_blob(store, evidence, bytes(range(256)) * 10_000)
    assert _says(verdict().holds, "the content of 1 blob is here and unchanged")
    assert (tmp_path / "bundle.aims").read_bytes().count(b'{"blob"') == 4
    assert _says(
        verdict(blobs=False).unchecked, "the content of 1 blob that this bundle leaves out"
    )


def test_content_that_the_store_lost_is_not_passed_over(
    store: SqlStore, evidence: Make, verdict: Verdict, tmp_path: Path
) -> None:
    name = _with_blob(store, evidence, b"card")
    path = tmp_path / "log" / "blobs" / name[:2] / name
    path.write_bytes(b"c4rd")
    assert _says(list(verdict().failures()), "damaged in the store")
    path.unlink()
    found = verdict()
    assert _says(list(found.failures()), "no record of an erasure explains it")
    # Both verifiers say the same, and an erasure on the record is what explains it.
    assert _says(verify_store(store).failures, f"the blob {name[:16]} is missing")


def test_anchors_on_record_are_held_against_the_log(
    store: SqlStore, evidence: Make, verdict: Verdict, tmp_path: Path
) -> None:
    store.append_many([evidence(i) for i in range(4)])
    anchor_to_file(store, tmp_path / "outside.checkpoint", actor="keeper")
    store.append_many([evidence(i) for i in range(4, 9)])
    for scope in (Scope(), Scope(subject=Subject.of_name("run:6").sha256)):
        found = verdict(scope=scope)
        assert found.good, list(found.failures())
        assert _says(found.holds, "the log continues the checkpoint on record as anchored in")
        assert _says(found.unchecked, "outside.checkpoint")
    kept = Checkpoint.parse((tmp_path / "outside.checkpoint").read_text())
    assert _says(verdict(kept=kept).holds, "the log continues the checkpoint you kept (4 records)")


def test_signature_of_a_person_is_counted_as_open(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from aims_mlops.evidence.encoding.canonical import canonical
    from aims_mlops.evidence.encoding.envelope import sign
    from aims_mlops.store.disk.key_file import FileSigner

    given = evidence(0, kind="approval")
    own = sign(canonical(given.to_statement()), FileSigner(Ed25519PrivateKey.generate()))
    store.append(given, signatures=[own])
    found = verdict()
    assert found.good
    assert _says(found.unchecked, "1 signature by keys that are not the log's")


def test_two_cores_find_what_one_finds(
    store: SqlStore, evidence: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append_many([evidence(i) for i in range(700)])
    path = export_bundle(store, tmp_path / "bundle.aims").path
    content = path.read_bytes()
    at = content.index(b'"signatures"', len(content) // 2) + 120
    broken = tmp_path / "broken.aims"
    broken.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    monkeypatch.setattr("aims_verify.verify.PARALLEL_FROM", 0)
    monkeypatch.setattr("aims_verify.verify.CHUNK_BYTES", 64 * 1024)
    for bundle, good in ((path, True), (broken, False)):
        one, two = verify(bundle, cores=1), verify(bundle, cores=2)
        assert one == two
        assert one.good is good


def test_empty_log_gives_no_bundle(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        export_bundle(store, tmp_path / "bundle.aims")
    assert list(tmp_path.glob("*.aims*")) == []


def test_checkpoint_from_the_future_is_refused_at_export(
    store: SqlStore, evidence: Make, tmp_path: Path
) -> None:
    store.append(evidence(0))
    older = export_bundle(store, tmp_path / "old.aims")
    assert older.log_size == 1
    note = store.status().checkpoint
    assert note is not None
    forged = note.replace("\n1\n", "\n9\n")
    with pytest.raises(InputError, match="shorter"):
        export_bundle(store, tmp_path / "new.aims", since=forged, scope=Scope(kind=("run",)))


@pytest.mark.parametrize("text", ["", "abc", "x+00000000+AAAA", "0" * 63, "é+1+2"])
def test_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError):
        parse_key(text)


def test_mistyped_key_is_refused(store: SqlStore, evidence: Make) -> None:
    store.append(evidence(0))
    text = str(store.verifier_keys()[0])
    name, digits, encoded = text.split("+", 2)
    with pytest.raises(UnreadableError, match="mistyped"):
        parse_key(f"{name}x+{digits}+{encoded}")


def test_unknown_versions_of_evidence_hold_like_any_other(
    store: SqlStore, evidence: Make, verdict: Verdict
) -> None:
    body: dict[str, Any] = {"new": [1, 2.5, None, {"ünïcode": "é😀"}]}
    store.append(evidence(0, kind="from-the-future", version=12, body=body, unknown={"x": 1}))
    assert verdict().good
