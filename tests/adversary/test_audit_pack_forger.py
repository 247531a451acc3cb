"""Whoever holds the database's password plants a promotion: it is in no audit pack."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.cli.audit_pack import command
from aims_mlops.cli.evidence import group
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project, forget_stores
from aims_mlops.store.disk.key_file import FileSigner
from aims_mlops.store.log.codec import draft, place


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    (tmp_path / "aims.yaml").write_text("systems: [{id: loans}]\n", encoding="utf-8")
    found = find_project().open_store()
    found.append_many([promotion("1")])
    yield found
    forget_stores()


def promotion(version):
    sha = version * 64
    body = {"alias": "champion", "outcome": "set", "decision": None, "model": sha, "name": "loans",
            "version": version}  # fmt: skip
    return Evidence(kind="promotion", subjects=(Subject("model:loans", sha),), body=body,
                    actor="ana", claimed_at=now(), system="loans",
                    controls=("A.6.2.5",))  # fmt: skip


def planted(store):
    """A row that agrees with itself, signed with a key of the forger's own."""
    evidence = promotion("2")
    item = draft(evidence, FileSigner(Ed25519PrivateKey.generate()), None)
    at, sequence = now(), store.status().size
    leaf = place(item, store.log_id, sequence, at)
    row = (sequence, item.id, item.key, evidence.kind, evidence.system, evidence.run, at, leaf,
           item.envelope)  # fmt: skip
    with closing(sqlite3.connect(store.database.path, isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            database.execute(f"DROP TRIGGER {name}")
        marks = ",".join("?" * len(row))
        database.execute(f"INSERT INTO aims_records VALUES ({marks})", row)
        database.execute("INSERT INTO aims_subjects (sequence, sha256) VALUES (?, ?)",
                         (sequence, evidence.subjects[0].sha256))  # fmt: skip


def test_planted_promotion_is_in_no_pack_and_no_answer_about_a_control(store, tmp_path):
    found = CliRunner().invoke(group, ["find", "--control", "A.6.2.5"], catch_exceptions=False)
    assert "1 record of pipelines" in found.output
    planted(store)
    with pytest.raises(VerificationError):
        CliRunner().invoke(command, [str(tmp_path / "pack")], catch_exceptions=False)
    assert not (tmp_path / "pack").exists()
    assert not list(tmp_path.glob(".pack*"))
    with pytest.raises(VerificationError):
        CliRunner().invoke(group, ["find", "--control", "A.6.2.5"], catch_exceptions=False)
