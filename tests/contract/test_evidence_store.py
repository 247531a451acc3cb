"""What every evidence store does, over SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import (
    EvidenceConflictError,
    EvidenceFormatError,
    EvidenceNotFoundError,
    StoreError,
    StoreVersionError,
    VerificationError,
)
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.envelope import unseal
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.checkpoint import check_proof, read_checkpoint
from aims_mlops.evidence.transparency.merkle import check_consistency
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store


def evidence(n: int = 0, **fields: Any) -> Evidence:
    given: dict[str, Any] = {
        "kind": "run",
        "subjects": (Subject.of_name(f"run:{n}"),),
        "body": {"n": n},
        "actor": "tester@example.org",
        "claimed_at": clock.now(),
        **fields,
    }
    return Evidence(**given)


def test_appended_record_is_found_as_it_came(opened: SqlStore) -> None:
    given = evidence(
        1, system="loans", run="r1", body={"text": "é😀", "list": [1, 0.5, None, True]}
    )
    record = opened.append(given)
    assert record.sequence == 0
    assert record.evidence == given
    assert record.id == hashlib.sha256(record.envelope).hexdigest()
    assert opened.get(record.id) == record
    assert opened.get(record.id[:8]) == record
    assert list(opened.find()) == [record]


def test_fields_of_a_newer_version_survive(opened: SqlStore) -> None:
    given = evidence(1, kind="run", version=7, body={"new": {"x": 1}}, unknown={"seal": [1, 2]})
    opened.append(given)
    found = next(opened.find())
    assert found.evidence.version == 7
    assert found.evidence.unknown == {"seal": [1, 2]}
    assert found.evidence.body == {"new": {"x": 1}}


def test_find_filters_by_every_field_and_their_combination(opened: SqlStore) -> None:
    shared = Subject.of_name("model:m")
    opened.append_many(
        [
            evidence(
                i,
                kind=("run", "model", "bias")[i % 3],
                system=("a", "b")[i % 2],
                run=f"r{i % 5}",
                subjects=(Subject.of_name(f"s{i}"), shared)
                if i % 4 == 0
                else (Subject.of_name("x"),),
            )
            for i in range(30)
        ]
    )
    everything = list(opened.find())
    assert [r.sequence for r in everything] == list(range(30))

    def numbers(**filters: Any) -> list[int]:
        return [r.sequence for r in opened.find(**filters)]

    assert numbers(kind="model") == list(range(1, 30, 3))
    assert numbers(kind=["model", "bias"]) == [i for i in range(30) if i % 3]
    assert numbers(kind=[]) == []
    assert numbers(system="b") == list(range(1, 30, 2))
    assert numbers(run="r3") == [3, 8, 13, 18, 23, 28]
    assert numbers(subject=shared.sha256) == list(range(0, 30, 4))
    assert numbers(subject=shared.sha256, kind="run", system="a") == [0, 12, 24]
    assert numbers(since=25) == [25, 26, 27, 28, 29]
    assert numbers(newest_first=True, limit=3) == [29, 28, 27]
    assert numbers(kind="model", since=10, limit=2) == [10, 13]
    assert numbers(limit=0) == []
    assert numbers(system="none") == []


def test_find_reads_more_than_one_page_in_both_directions(opened: SqlStore) -> None:
    opened.append_many([evidence(i) for i in range(450)])
    assert [r.sequence for r in opened.find()] == list(range(450))
    assert [r.sequence for r in opened.find(newest_first=True)] == list(range(449, -1, -1))
    assert [r.sequence for r in opened.find(since=7, newest_first=True, limit=301)] == list(
        range(449, 148, -1)
    )


def test_same_key_and_same_evidence_is_the_same_record(opened: SqlStore) -> None:
    given = evidence(1)
    first = opened.append(given, key="k1")
    assert opened.append(given, key="k1") == first
    assert opened.append_many([given, given], keys=["k1", "k1"]) == [first, first]
    assert opened.status().size == 1


def test_same_key_and_another_body_is_a_conflict_and_stores_nothing(opened: SqlStore) -> None:
    opened.append(evidence(1), key="k1")
    with pytest.raises(EvidenceConflictError):
        opened.append(evidence(2), key="k1")
    with pytest.raises(EvidenceConflictError):
        opened.append_many([evidence(3), evidence(4)], keys=["k2", "k1"])
    assert opened.status().size == 1


def test_same_evidence_without_a_key_is_stored_once(opened: SqlStore) -> None:
    given = evidence(1)
    assert opened.append(given) == opened.append_many([given, given])[1]
    assert opened.status().size == 1


def test_batch_with_one_bad_record_stores_none(opened: SqlStore) -> None:
    with pytest.raises(EvidenceFormatError):
        opened.append_many([evidence(1), evidence(2, body={"x": float("nan")})])
    assert opened.status().size == 0
    assert opened.append_many([]) == []


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "a\n", "ключ"])
def test_key_that_could_hold_text_is_refused(opened: SqlStore, key: str) -> None:
    with pytest.raises(EvidenceFormatError, match="idempotency key"):
        opened.append(evidence(1), key=key)


def test_unknown_id_is_not_found(opened: SqlStore) -> None:
    opened.append(evidence(1))
    for wrong in ("0" * 64, "abc", "zz" * 8, "", "' OR 1=1 --"):
        with pytest.raises(EvidenceNotFoundError):
            opened.get(wrong)


def test_every_state_of_the_log_is_signed_and_continues_the_one_before(opened: SqlStore) -> None:
    checkpoints = []
    for i in range(12):
        opened.append_many([evidence(100 * i + j) for j in range(1 + i % 3)])
        note = opened.status().checkpoint
        assert note is not None
        checkpoints.append(read_checkpoint(note, opened.verifier_keys()))
    last = checkpoints[-1]
    for old in checkpoints:
        check_consistency(
            old.size, last.size, old.root, last.root, opened.prove_consistency(old.size)
        )


def test_every_record_has_a_proof_that_verifies_offline(opened: SqlStore) -> None:
    records = opened.append_many([evidence(i) for i in range(300)])
    keys = opened.verifier_keys()
    for record in records[::13] + records[250:260]:
        index, checkpoint = check_proof(opened.prove(record.sequence), record.leaf, keys)
        assert (index, checkpoint.size) == (record.sequence, 300)
    with pytest.raises(EvidenceNotFoundError):
        opened.prove(300)


def test_whole_log_verifies_on_one_core_and_on_two(opened: SqlStore) -> None:
    opened.append_many([evidence(i) for i in range(5000)])
    one = verify_store(opened, workers=1)
    two = verify_store(opened, workers=2)
    assert one.ok, one.failures
    assert one.checked == one.signatures == 5000
    assert two == one


def test_verification_goes_on_where_it_stopped(opened: SqlStore) -> None:
    opened.append_many([evidence(i) for i in range(300)])
    first = verify_store(opened)
    opened.append_many([evidence(1000 + i) for i in range(700)])
    second = verify_store(opened, since=first.verified)
    assert second.ok, second.failures
    assert (second.since, second.checked) == (300, 700)
    whole = verify_store(opened)
    assert whole.verified == second.verified


def test_log_is_seen_as_unanchored_and_empty_at_first(opened: SqlStore) -> None:
    status = opened.status()
    assert (status.size, status.checkpoint, status.anchored) == (0, None, False)
    report = verify_store(opened)
    assert report.ok, report.failures
    assert any("unanchored" in point for point in report.open_points)


def test_blob_comes_back_and_is_checked_on_every_read(opened: SqlStore, tmp_path: Path) -> None:
    reference = opened.put_blob(b"content", media_type="text/plain")
    assert reference.sha256 == hashlib.sha256(b"content").hexdigest()
    assert opened.put_blob(b"content", media_type="text/plain") == reference
    assert opened.get_blob(reference.sha256) == b"content"
    path = tmp_path / "log" / "blobs" / reference.sha256[:2] / reference.sha256
    path.write_bytes(b"c0ntent")
    with pytest.raises(VerificationError, match="not what was stored"):
        opened.get_blob(reference.sha256)
    path.unlink()
    with pytest.raises(EvidenceNotFoundError):
        opened.get_blob(reference.sha256)
    for wrong in ("../../etc/passwd", "A" * 64, ""):
        with pytest.raises(EvidenceFormatError):
            opened.get_blob(wrong)


def test_record_names_its_blobs_in_the_leaf_and_a_missing_one_fails(opened: SqlStore) -> None:
    reference = opened.put_blob(b"card", media_type="text/markdown")
    blob = {"sha256": reference.sha256, "size": 4, "media_type": "text/markdown"}
    record = opened.append(evidence(1, kind="model-card", body={"markdown": blob}))
    assert reference.sha256.encode() in record.leaf
    assert verify_store(opened).blobs == 1
    lost = {**blob, "sha256": "0" * 64}
    opened.append(evidence(2, kind="model-card", body={"markdown": lost}))
    report = verify_store(opened)
    assert any("is missing" in failure for failure in report.failures)


@pytest.mark.parametrize("size", [3, 5, 4.5, "4", None, True])
def test_blob_of_another_size_than_its_record_gives_fails(opened: SqlStore, size: object) -> None:
    for personal in (False, True):
        reference = opened.put_blob(b"card", media_type="text/markdown", personal=personal)
        blob = {"sha256": reference.sha256, "size": 4, "media_type": "text/markdown"}
        opened.append(evidence(1, kind="model-card", body={"markdown": blob}))
        assert not verify_store(opened).failures
    opened.append(
        evidence(2, kind="model-card", body={"deep": [{"markdown": {**blob, "size": size}}]})
    )
    report = verify_store(opened)
    assert any("not of the size" in failure for failure in report.failures)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE aims_records SET kind = 'x'",
        "DELETE FROM aims_records",
        "UPDATE aims_subjects SET sequence = 9",
        "DELETE FROM aims_subjects",
        "DELETE FROM aims_tiles",
        "UPDATE aims_log_keys SET valid_from = 1",
        "DELETE FROM aims_log_keys",
        "DELETE FROM aims_head",
        "UPDATE aims_head SET size = size - 1",
        "UPDATE aims_head SET log_id = 'x'",
        "INSERT INTO aims_head SELECT 2, log_id, size, frontier, root, checkpoint FROM aims_head",
    ],
)
def test_changing_what_is_in_the_log_is_refused(opened: SqlStore, statement: str) -> None:
    import sqlalchemy as sa

    opened.append_many([evidence(i) for i in range(300)])
    with (
        pytest.raises((StoreError, sa.exc.IntegrityError)),
        opened.database.writing() as connection,
    ):
        connection.execute(sa.text(statement))
    assert verify_store(opened).ok


def test_replacing_a_row_is_refused_on_sqlite(tmp_path: Path) -> None:
    import sqlite3

    store = open_sql_store(f"sqlite:///{tmp_path / 'evidence.db'}")
    store.append_many([evidence(i) for i in range(300)])
    store.close()
    plain = sqlite3.connect(tmp_path / "evidence.db", isolation_level=None)
    for table in ("aims_records", "aims_head", "aims_tiles", "aims_log_keys"):
        with pytest.raises(sqlite3.IntegrityError):
            plain.execute(f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")
    with pytest.raises(sqlite3.IntegrityError):
        plain.execute(
            "REPLACE INTO aims_records SELECT 900, id, 'k', kind, system, run, received_at, leaf, "
            "envelope FROM aims_records LIMIT 1"
        )
    plain.close()


def test_store_of_a_newer_version_is_refused(
    opened: SqlStore, store_url: str, tmp_path: Path
) -> None:
    import sqlalchemy as sa

    opened.append(evidence(1))
    with opened.database.writing() as connection:
        connection.execute(sa.text("UPDATE aims_version SET version_num = '9999'"))
    with pytest.raises(StoreVersionError, match="9999"):
        open_sql_store(store_url, blobs=str(tmp_path / "b"), keys=tmp_path / "log" / "keys")


def test_threads_append_without_gaps(opened: SqlStore) -> None:
    errors: list[BaseException] = []

    def work(name: int) -> None:
        try:
            for i in range(20):
                opened.append(evidence(1000 * name + i))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert [r.sequence for r in opened.find()] == list(range(120))
    assert verify_store(opened).ok


def _append_some(store: SqlStore, name: int) -> None:
    for i in range(20):
        store.append(evidence(1000 * name + i))


def test_forked_processes_go_on_with_the_store_they_inherit(opened: SqlStore) -> None:
    opened.append(evidence(999_999))
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=_append_some, args=(opened, i)) for i in range(1, 4)]
    for child in children:
        child.start()
    _append_some(opened, 0)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert [r.sequence for r in opened.find()] == list(range(81))
    assert verify_store(opened).ok


def test_reader_without_the_key_reads_and_cannot_write(
    opened: SqlStore, store_url: str, tmp_path: Path
) -> None:
    record = opened.append(evidence(1))
    reader = open_sql_store(
        store_url, blobs=str(tmp_path / "log" / "blobs"), keys=tmp_path / "nothing", create=False
    )
    assert reader.get(record.id) == record
    with pytest.raises(Exception, match="is missing"):
        reader.append(evidence(2))
    reader.close()


def test_writer_with_another_key_is_refused(
    opened: SqlStore, store_url: str, tmp_path: Path
) -> None:
    from aims_mlops.store.disk.key_file import create_key

    create_key(tmp_path / "other" / "log.key")
    writer = open_sql_store(store_url, blobs=str(tmp_path / "b"), keys=tmp_path / "other")
    with pytest.raises(StoreError, match="not the log's"):
        writer.append(evidence(2))
    assert opened.status().size == 0
    writer.close()


def test_envelope_holds_the_statement_in_canonical_form(opened: SqlStore) -> None:
    from aims_mlops.evidence.encoding.canonical import parse_canonical

    record = opened.append(evidence(1, body={"b": 1.0, "a": "😀"}))
    statement = parse_canonical(unseal(record.envelope).payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "urn:aims-mlops:evidence:run:v1"
    parse_canonical(record.leaf)
    parse_canonical(record.envelope)
