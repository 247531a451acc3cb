"""A forger with the key's public half, the database and a text editor, against the commands."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.errors import StoreError
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import seal, sign
from aims_mlops.evidence.records import Evidence
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, unverified_checkpoint
from aims_mlops.evidence.transparency.leaf import write_leaf
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.disk.key_file import FileSigner, create_key
from aims_mlops.store.disk.spool import refusals, spool_batch
from aims_mlops.store.opening import open_sql_store

Make = Callable[..., Evidence]


class Anyone(FileSigner):
    """Somebody else's key: its public half, and signatures that do not hold."""

    def __init__(self, public: bytes) -> None:
        self.public = public
        self.sign = lambda data: bytes(64)


@contextmanager
def unguarded(path: str) -> Iterator[sqlite3.Connection]:
    """The database without its triggers, which are put back."""
    connection = sqlite3.connect(path, isolation_level=None)
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    triggers = connection.execute(query).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False
    )


def aims(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run("aims_mlops", *arguments)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_evidence: Make) -> Path:
    """A new folder with a log of six records, its key's text in key.txt, a checkpoint kept."""
    monkeypatch.chdir(tmp_path)
    assert aims("init", "--system", "loans").returncode == 0
    store = open_sql_store("sqlite:///.aims/evidence.db")
    store.append_many([make_evidence(i) for i in range(6)])
    Path("key.txt").write_text(str(store.verifier_keys()[0]))
    Path("kept.checkpoint").write_text(store.status().checkpoint or "")
    store.close()
    return tmp_path


def verdicts(*, kept: bool = True) -> list[tuple[int, str]]:
    """What both verifiers say, with the true key and the kept checkpoint."""
    given = ["--key", Path("key.txt").read_text()]
    given += ["--checkpoint", "kept.checkpoint"] if kept else []
    inside = aims("evidence", "verify", *given)
    exported = aims("evidence", "export", "out.aims")
    assert "Traceback" not in inside.stderr + exported.stderr
    if exported.returncode != 0:
        return [(inside.returncode, inside.stdout)]
    outside = run("aims_verify.cli", "out.aims", *given)
    return [(inside.returncode, inside.stdout), (outside.returncode, outside.stdout)]


def both_refuse(*, kept: bool = True) -> bool:
    found = verdicts(kept=kept)
    assert all(code in (0, 1) for code, _ in found), found
    return all(code == 1 for code, _ in found)


def test_honest_log_passes_before_and_after_a_rotation(project: Path) -> None:
    assert [code for code, _ in verdicts()] == [0, 0]
    assert aims("key", "rotate").returncode == 0
    assert [code for code, _ in verdicts()] == [0, 0]


def test_key_put_into_the_table_signs_nothing_through_our_own_code(
    project: Path, make_evidence: Make
) -> None:
    """The library does not sign on top of a head that the log's key did not hand over."""
    thief = create_key(project / "thief" / "log.key")
    with sqlite3.connect(".aims/evidence.db") as connection:
        row = (6, thief.key_id, thief.public)
        connection.execute("INSERT INTO aims_log_keys VALUES (?, ?, ?)", row)
    connection.close()
    store = open_sql_store("sqlite:///.aims/evidence.db", keys=project / "thief")
    with pytest.raises(StoreError, match="not one that the log's key signed"):
        store.append_many([make_evidence(f"forged {i}") for i in range(3)])
    assert store.status().size == 6
    store.close()


def forged_log(log_id: str, make: Make, *, into: bytes | None) -> None:
    """A log of the forger's own under the true log's id, handed over to the true key at its end."""
    store = open_sql_store("sqlite:///forged/evidence.db")
    with unguarded("forged/evidence.db") as connection:
        connection.execute("UPDATE aims_head SET log_id = ?", [log_id])
    store.append_many([make(f"forged {i}") for i in range(6)])
    if into is not None:
        rotate_key(store, actor="keeper", signer=Anyone(into))
    store.close()


@pytest.mark.parametrize("rotated", [False, True])
def test_whole_log_replaced_by_one_that_rotates_into_the_true_key_is_told(
    project: Path, make_evidence: Make, rotated: bool
) -> None:
    store = open_sql_store("sqlite:///.aims/evidence.db")
    log_id, public = store.log_id, store.verifier_keys()[0].public
    store.close()
    forged_log(log_id, make_evidence, into=public if rotated else None)
    shutil.copy("forged/evidence.db", ".aims/evidence.db")
    assert both_refuse(kept=False)
    assert both_refuse()


def test_checkpoint_rewritten_in_the_head_is_told(project: Path) -> None:
    """Signed by the forger for the true size and root, or by hand under the true signature."""
    thief = FileSigner(Ed25519PrivateKey.generate())
    note = Path("kept.checkpoint").read_text()
    true = unverified_checkpoint(note)
    saved = Path(".aims/evidence.db").read_bytes()
    for forged in (
        Checkpoint(true.origin, true.size, true.root).sign(thief),
        note.replace("\n6\n", "\n5\n"),
        note + Checkpoint(true.origin, true.size, true.root).sign(thief).split("\n\n")[1] + "x\n",
    ):
        with sqlite3.connect(".aims/evidence.db") as connection:
            connection.execute("UPDATE aims_head SET checkpoint = ?", [forged])
        connection.close()
        assert both_refuse(kept=False), forged
        # Nor is it given to anybody outside as the log's.
        assert aims("evidence", "anchor", "--file", "outside").returncode != 0
        assert not Path("outside").exists()
        Path(".aims/evidence.db").write_bytes(saved)
    assert [code for code, _ in verdicts()] == [0, 0]


def test_handover_dropped_into_the_spool_is_set_aside(project: Path, make_evidence: Make) -> None:
    thief = FileSigner(Ed25519PrivateKey.generate())
    path = spool_batch(project, [make_evidence("one"), make_evidence("two")])
    lines = path.read_bytes().splitlines()
    statement: dict[str, Any] = json.loads(lines[1])
    statement["predicateType"] = "urn:aims-mlops:evidence:key-rotation:v1"
    statement["predicate"]["body"] = {"public": thief.public.hex(), "key_id": thief.key_id}
    path.write_bytes(b"\n".join([lines[0], canonical(statement), *lines[2:]]) + b"\n")
    aims("push")
    listed = aims("evidence", "list")
    assert "key-rotation" not in listed.stdout
    assert "run:two" in listed.stdout
    ((_, why),) = refusals(project)
    assert "only made by the log itself" in why
    assert [code for code, _ in verdicts()] == [0, 0]


def test_time_moved_in_the_rows_is_told(project: Path) -> None:
    """Without the key: the column alone, or the leaf with it."""
    saved = Path(".aims/evidence.db").read_bytes()
    when = "2001-11-21T09:00:00.000000Z"
    column = f"received_at = '{when}'"
    leaf = f"leaf = CAST(replace(CAST(leaf AS TEXT), received_at, '{when}') AS BLOB)"
    for change in (column, f"{column}, {leaf}"):
        with unguarded(".aims/evidence.db") as connection:
            connection.execute(f"UPDATE aims_records SET {change} WHERE sequence = 5")
        assert both_refuse(kept=False)
        Path(".aims/evidence.db").write_bytes(saved)


def rewritten(log_id: str, thief: Path, make_evidence: Make) -> None:
    """Another log under the same id, whole and signed by the thief, in the true one's place."""
    open_sql_store(f"sqlite:///{thief}/evidence.db").close()
    with unguarded(f"{thief}/evidence.db") as connection:
        connection.execute("UPDATE aims_head SET log_id = ?", (log_id,))
    store = open_sql_store(f"sqlite:///{thief}/evidence.db")
    store.append_many([make_evidence(f"forged {i}") for i in range(8)])
    store.close()
    shutil.copy(f"{thief}/evidence.db", ".aims/evidence.db")


@pytest.mark.parametrize("known", ["key", "seen", "pin"])
def test_log_rewritten_with_another_key_fails_where_its_keeper_verifies_it(
    project: Path, make_evidence: Make, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    """No key is given on the command line: what this machine holds and pins is enough."""
    key = Path("key.txt").read_text()
    assert aims("evidence", "verify").returncode == 0
    rewritten(key.split("+")[0].rpartition("/")[2], project / "thief", make_evidence)
    if known != "key":
        Path(".aims/keys/log.key").unlink()
    if known != "seen":
        Path(".aims/keys/log.seen").unlink()
    if known == "pin":
        monkeypatch.setenv("AIMS_LOG_KEY", key)
    found = aims("evidence", "verify")
    assert found.returncode == 1, found.stdout
    assert "FAILS" in found.stdout


def planted(evidence: Evidence, signer: FileSigner) -> str:
    """A row right behind the true ones, as the log itself would have written it; its id."""
    payload = canonical(evidence.to_statement())
    envelope = seal(payload, [sign(payload, signer)])
    id_, key = hashlib.sha256(envelope).hexdigest(), hashlib.sha256(payload).hexdigest()
    at = clock.now()
    with unguarded(".aims/evidence.db") as connection:
        log, size = connection.execute("SELECT log_id, size FROM aims_head").fetchone()
        subjects = [subject.sha256 for subject in evidence.subjects]
        leaf = write_leaf(
            log=log,
            sequence=size,
            kind=evidence.kind,
            version=evidence.version,
            envelope=id_,
            subjects=subjects,
            blobs=(),
            actor=evidence.actor,
            key=key,
            claimed_at=evidence.claimed_at,
            received_at=at,
        )
        row = (size, id_, key, evidence.kind, evidence.system, evidence.run, at, leaf, envelope)
        connection.execute("INSERT INTO aims_records VALUES (?,?,?,?,?,?,?,?,?)", row)
        connection.executemany(
            "INSERT INTO aims_subjects VALUES (?, ?)", [(size, subject) for subject in subjects]
        )
    return id_


@pytest.mark.parametrize("keys", ["at hand", "pinned", "none"])
def test_record_that_the_logs_key_never_signed_is_shown_by_no_command(
    project: Path, make_evidence: Make, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    said = {"what": "forged", "state": "open", "severity": "major", "reason": "forged"}
    nonconformity = replace(make_evidence("forged"), kind="nonconformity", body=said)
    thief = create_key(project / "thief" / "log.key")
    id_ = planted(nonconformity, thief)
    if keys != "at hand":
        shutil.rmtree(".aims/keys")
    if keys == "pinned":
        monkeypatch.setenv("AIMS_LOG_KEY", Path("key.txt").read_text())
    for command in (
        ("evidence", "list"),
        ("evidence", "list", "--kind", "nonconformity"),
        ("evidence", "show", id_),
        ("nonconformity", "list"),
        ("report", "coverage"),
    ):
        found = aims(*command)
        if keys == "none":  # shown, and said to be nobody's word but the database's
            assert "the database's own word" in found.stderr, (command, found.stderr)
        else:
            assert found.returncode != 0, (command, found.stdout)
            assert "forged" not in found.stdout
            assert id_[:12] not in found.stdout
            assert "not one that the log's key signed" in found.stderr, command
