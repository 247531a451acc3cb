"""Records about the log itself are made by the log: at no door can another plant one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.errors import EvidenceFormatError
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.envelope import key_id
from aims_mlops.evidence.kinds import LOG_KINDS
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.bundle.export import export_bundle
from aims_mlops.store.disk.key_file import FileSigner
from aims_mlops.store.disk.spool import drain, pending, refusals, spool_batch
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.verify.verify import verify_store
from aims_verify.verify import verify

Make = Callable[..., Evidence]


def planted(kind: str, **body: Any) -> Evidence:
    return Evidence(
        kind=kind,
        subjects=(Subject.of_name("x"),),
        body=body,
        actor="attacker@example.org",
        claimed_at=clock.now(),
    )


@pytest.mark.parametrize("kind", sorted(LOG_KINDS))
def test_record_about_the_log_is_refused_at_every_door_of_the_store(
    store: SqlStore, kind: str, make_evidence: Make
) -> None:
    evidence, good = planted(kind), make_evidence(1)
    doors: list[Callable[[], Any]] = [
        lambda: store.append(evidence),
        lambda: store.append_many([good, evidence]),
        lambda: store.append_signed([(evidence, None, ())]),
        lambda: store.append_with(evidence, lambda connection: None),
    ]
    for door in doors:
        with pytest.raises(EvidenceFormatError, match="only made by the log itself"):
            door()
    assert store.status().size == 0


@pytest.mark.parametrize("kind", sorted(LOG_KINDS))
def test_record_about_the_log_in_a_spool_file_is_set_aside_with_the_reason(
    store: SqlStore, tmp_path: Path, kind: str, make_evidence: Make
) -> None:
    spool_batch(tmp_path, [make_evidence(1), planted(kind), make_evidence(2)])
    drain(tmp_path, store)
    assert [record.evidence.kind for record in store.find()] == ["run", "gap", "run"]
    assert pending(tmp_path) == []
    assert "only made by the log itself" in refusals(tmp_path)[0][1]


def handover_to(store: SqlStore, key: FileSigner) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "log": store.log_id,
        "previous": store.signing.signer.key_id,  # type: ignore[attr-defined]
        "public": key.public.hex(),
        "reason": "planted",
    }


@pytest.mark.parametrize("after", [0, 2])
def test_handover_planted_by_an_older_version_is_not_believed(
    store: SqlStore, tmp_path: Path, make_evidence: Make, after: int
) -> None:
    """Signed by the log's key, as an older version would sign it for anybody who may push."""
    thief = FileSigner(Ed25519PrivateKey.generate())
    store.append(make_evidence(1))
    store.append_own(planted("key-rotation", **handover_to(store, thief)))
    store.append_many([make_evidence(f"after {i}") for i in range(after)])
    for failures in (
        verify_store(store).failures,
        list(verify(export_bundle(store, tmp_path / "b.aims").path, cores=1).failures()),
    ):
        assert any("did not change" in failure for failure in failures), failures


def test_handover_planted_with_a_row_for_its_key_is_not_believed(
    store: SqlStore, tmp_path: Path, make_evidence: Make, log_path: Path
) -> None:
    """With the database as well, the thief's key is listed; it signed nothing."""
    thief = FileSigner(Ed25519PrivateKey.generate())
    store.append(make_evidence(1))
    store.append_own(planted("key-rotation", **handover_to(store, thief)))
    with sqlite3.connect(log_path) as connection:
        row = (2, thief.key_id, thief.public)
        connection.execute("INSERT INTO aims_log_keys VALUES (?, ?, ?)", row)
    connection.close()
    for failures in (
        verify_store(store).failures,
        list(verify(export_bundle(store, tmp_path / "b.aims").path, cores=1).failures()),
    ):
        assert any("did not sign the handover" in failure for failure in failures), failures


def test_rotation_is_signed_by_both_keys_and_holds_at_once_and_later(
    store: SqlStore, tmp_path: Path, make_evidence: Make
) -> None:
    store.append(make_evidence(1))
    first = store.verifier_keys()[0]
    for number in range(3):
        record = rotate_key(store, actor="keeper")
        assert record.envelope.count(b'"sig"') == 2
        assert (store.status().checkpoint or "").count("\u2014 ") == 2
        for extra in range(2):
            report = verify_store(store, trusted=[first])
            assert report.ok, report.failures
            found = verify(
                export_bundle(store, tmp_path / "b.aims").path,
                keys=((key_id(first.public), first.public),),
                cores=1,
            )
            assert found.good, list(found.failures())
            store.append(make_evidence(f"{number} {extra}"))
