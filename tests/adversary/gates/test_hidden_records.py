"""Whoever can write the database hides what speaks against a model beside its signed envelope."""

import sqlite3
from contextlib import closing

import pytest

from aims_mlops.alarms.expiry import every_alarm
from aims_mlops.errors import VerificationError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence
from aims_mlops.gates.check_model import look_at_model
from aims_mlops.inventory.project import forget_stores
from aims_mlops.operations.incident import incidents
from aims_mlops.store.disk.spool import state_folder
from aims_mlops.store.disk.verified_index import FOLDER

WEAK = {"figures": [{"measure": "recall_score", "group": None, "value": 0.4, "low": 0.36,
                     "high": 0.44, "numerator": 200, "denominator": 500, "n": 500}]}  # fmt: skip

HIDE = {
    "kind": ("UPDATE aims_records SET kind = 'gap' WHERE sequence = ?",),
    "system": ("UPDATE aims_records SET system = 'other' WHERE sequence = ?",),
    "run": ("UPDATE aims_records SET run = 'other' WHERE sequence = ?",),
    "subject": ("DELETE FROM aims_subjects WHERE sequence = ?",),
    "kind and subject": (
        "UPDATE aims_records SET kind = 'gap', system = NULL WHERE sequence = ?",
        "DELETE FROM aims_subjects WHERE sequence = ?",
    ),
    "row": (
        "DELETE FROM aims_subjects WHERE sequence = ?",
        "DELETE FROM aims_records WHERE sequence = ?",
    ),
    "place": (
        "UPDATE aims_subjects SET sequence = -1 WHERE sequence = ?",
        "UPDATE aims_records SET sequence = -1 WHERE sequence = ?",
    ),
}


def hide(world, sequence, how):
    """As a superuser of the database, with no key and nothing but SQL."""
    world.store.close()
    with closing(sqlite3.connect(world.store.database.path, isolation_level=None)) as database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in HIDE[how]:
            assert database.execute(statement, (sequence,)).rowcount >= 1
        for _, text in triggers:  # and nobody sees that they were gone
            database.execute(text)
    forget_stores()


def not_allowed(world, model):
    """Told, or found in spite of it."""
    written = []
    assert world.gate(model, record=False).verdict != "allowed"
    decision = world.gate(model, alias="champion", write=lambda: written.append(1))
    assert decision.verdict != "allowed"
    assert written == []
    check = look_at_model(model, target="production", project=world.project)
    assert not check.allowed, check


@pytest.mark.parametrize("how", HIDE)
def test_revocation_hidden_from_the_gates_search_allows_nothing(world, how):
    model = world.ready("one")
    assert world.gate(model).allowed
    revoked = world.approve(model, verdict="revoke", reason="second thoughts")
    assert not world.gate(model, record=False).allowed
    hide(world, revoked.sequence, how)
    not_allowed(world, model)


@pytest.mark.parametrize("how", ["kind", "subject", "row"])
def test_failed_measurement_hidden_from_the_gates_search_allows_nothing(world, how):
    model = world.ready("one")
    failing = Evidence(kind="performance", subjects=(model.subject,), body=WEAK, actor="ana",
                       claimed_at=now(), system="loans")  # fmt: skip
    record = world.store.append(failing)
    assert not world.gate(model, record=False).allowed
    hide(world, record.sequence, how)
    not_allowed(world, model)


@pytest.mark.parametrize("how", ["kind", "kind and subject", "row"])
def test_hidden_incident_is_told_by_alarms_and_lists(world, how):
    body = {"title": "wrong refusals", "severity": "critical", "affected": "12", "state": "open"}
    incident = world.record("incident", [world.train("one").subject], body)
    hide(world, incident.sequence, how)
    from datetime import UTC, datetime

    with pytest.raises(VerificationError):
        every_alarm(world.project.open_store(), world.project, datetime.now(UTC))
    with pytest.raises(VerificationError):
        list(incidents(world.project.open_store()))


def test_record_hidden_before_a_machine_ever_looked_is_told(world, tmp_path, monkeypatch):
    """A reader with the public key and nothing seen of the log yet."""
    model = world.ready("one")
    assert world.gate(model).allowed
    revoked = world.approve(model, verdict="revoke", reason="second thoughts")
    (pin,) = world.store.verifier_keys()
    hide(world, revoked.sequence, "kind and subject")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("AIMS_LOG_KEYS", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("AIMS_LOG_KEY", str(pin))
    not_allowed(world, model)


def test_record_hidden_between_the_decision_and_its_write_stops_the_write(world):
    """The tied write asks the envelopes, not the columns, what came in meanwhile."""
    from aims_mlops.errors import LogChangedError
    from aims_mlops.evidence.store import signed
    from aims_mlops.gates.atomic_promotion import AtomicPromotion

    model = world.ready("one")
    store = signed(world.project.open_store())
    size = store.status().size
    list(store.find(limit=1))
    revoked = world.approve(model, verdict="revoke", reason="second thoughts")
    hide(world, revoked.sequence, "kind and subject")
    written = []
    tied = AtomicPromotion(
        signed(world.project.open_store()), size, "loans", lambda: written.append(1)
    )
    with pytest.raises(LogChangedError):
        tied.hold()
    assert written == []


def test_index_that_a_text_editor_or_another_log_left_is_made_anew(world):
    model = world.ready("one")
    assert world.gate(model).allowed
    (path,) = (state_folder() / FOLDER).glob("*.db")
    forget_stores()
    world.store.close()
    path.write_bytes(b"not a database" * 1000)
    assert world.gate(model, record=False).allowed
    path.unlink()
    path.mkdir()  # no file can be kept there
    forget_stores()
    assert world.gate(model, record=False).allowed
    revoked = world.approve(model, verdict="revoke", reason="second thoughts")
    hide(world, revoked.sequence, "kind")
    not_allowed(world, model)
