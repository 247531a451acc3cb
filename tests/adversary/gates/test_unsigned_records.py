"""Whoever holds the database's password and a key of his own: nothing of it decides anything."""

import hashlib
import sqlite3
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.alarms.expiry import every_alarm
from aims_mlops.assessments.review import load_review
from aims_mlops.errors import StoreError, VerificationError
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.encoding.envelope import key_id
from aims_mlops.evidence.records import Evidence
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, origin_of
from aims_mlops.evidence.transparency.merkle import EMPTY_ROOT, grow, leaf_hash, root_of
from aims_mlops.gates.check_model import look_at_model
from aims_mlops.inventory.project import forget_stores
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.disk.key_file import FileSigner
from aims_mlops.store.log.codec import draft, place
from aims_mlops.store.opening import open_sql_store

BETTER = {"figures": [{"measure": "recall_score", "group": None, "value": 0.9, "low": 0.88,
                       "high": 0.92, "numerator": 450, "denominator": 500, "n": 500}]}  # fmt: skip


class Attacker:
    """Writes what he likes into the database, and signs with a key that he made himself."""

    def __init__(self, world):
        self.store = world.store
        self.signer = FileSigner(Ed25519PrivateKey.generate())

    def sql(self, *statements):
        with closing(sqlite3.connect(self.store.database.path, isolation_level=None)) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
                database.execute(f"DROP TRIGGER {name}")
            for statement, values in statements:
                database.execute(statement, values)

    def row(self, evidence, sequence, *, at=None):
        item = draft(evidence, self.signer, None)
        at = at or now()
        leaf = place(item, self.store.log_id, sequence, at)
        values = (sequence, item.id, item.key, evidence.kind, evidence.system, evidence.run, at,
                  leaf, item.envelope)  # fmt: skip
        return leaf, values

    def plant(self, evidence, sequence=None):
        """A row that agrees with itself, at the end of the log or anywhere else."""
        sequence = self.store.status().size if sequence is None else sequence
        leaf, values = self.row(evidence, sequence)
        marks = ",".join("?" * len(values))
        about = [
            ("INSERT INTO aims_subjects (sequence, sha256) VALUES (?, ?)", (sequence, s.sha256))
            for s in evidence.subjects
        ]
        self.sql((f"INSERT INTO aims_records VALUES ({marks})", values), *about)
        return leaf

    def grow_head(self, leaf, *, sign):
        """The head over the planted record too, signed with the attacker's key if at all."""
        with closing(sqlite3.connect(self.store.database.path)) as database:
            size, frontier = database.execute("SELECT size, frontier FROM aims_head").fetchone()
        hashes = [frontier[i : i + 32] for i in range(0, len(frontier), 32)]
        grow(hashes, size, leaf_hash(leaf))
        root = root_of(hashes)
        self.sql(
            (
                "UPDATE aims_head SET size = ?, frontier = ?, root = ?",
                (size + 1, b"".join(hashes), root),
            )
        )
        if sign:
            note = Checkpoint(origin_of(self.store.log_id), size + 1, root).sign(self.signer)
            self.sql(("UPDATE aims_head SET checkpoint = ?", (note,)))
        if sign == "as the log's key":
            public = self.signer.public
            self.sql(
                (
                    "UPDATE aims_log_keys SET key_id = ?, public = ? WHERE valid_from = 0",
                    (key_id(public), public),
                )
            )


def evidence(model, kind="performance", body=BETTER, actor="ana"):
    return Evidence(kind=kind, subjects=(model.subject,), body=body, actor=actor, claimed_at=now(),
                    system="loans")  # fmt: skip


@pytest.fixture
def bad(world):
    """Approved, and refused for its figures."""
    weak = [{**BETTER["figures"][0], "value": 0.4, "low": 0.36, "high": 0.44}]
    model = world.train("weak", figures=weak)
    world.submit(model)
    world.approve(model)
    text = (world.root / "policies/production.yaml").read_text()
    assert "min: 0.6" in text
    world.write("policies/production.yaml", text.replace("min: 0.6", "min: 0.6, use: newest"))
    world.approve(model)
    assert {r.rule for r in world.gate(model).refusals} == {"performance.recall"}
    return model


def refused_everywhere(world, model):
    """Gate, check-model, consent text, tied write and alarms: nobody acts on it."""
    written = []
    decision = world.gate(model, record=False)
    assert decision.verdict == "undecided", decision
    assert "signed" in decision.reasons[0].observed
    assert world.gate(model, alias="champion", write=lambda: written.append(1)).verdict != "allowed"
    assert written == []
    check = look_at_model(model, target="production", project=world.project)
    assert check.verdict == "undecided", check
    with pytest.raises((VerificationError, StoreError)):
        load_review(world.project, world.store, model, world.policy, target="production",
                  system=world.project.system("loans"), now=None)  # fmt: skip
    with pytest.raises((VerificationError, StoreError)):
        world.approve(model)


def test_record_that_a_random_key_signed_is_believed_by_nobody(world, bad):
    Attacker(world).plant(evidence(bad))
    refused_everywhere(world, bad)


def test_record_planted_far_ahead_is_believed_by_nobody(world, bad):
    Attacker(world).plant(evidence(bad), sequence=10_000_000)
    refused_everywhere(world, bad)


@pytest.mark.parametrize("sign", [False, True, "as the log's key"])
def test_record_put_under_a_head_of_the_attackers_own_is_believed_by_nobody(world, bad, sign):
    attacker = Attacker(world)
    attacker.grow_head(attacker.plant(evidence(bad)), sign=sign)
    refused_everywhere(world, bad)
    forget_stores()  # as another process that has seen nothing of it before
    refused_everywhere(world, bad)


@pytest.mark.parametrize("sign", [False, True])
def test_log_signs_nothing_on_top_of_records_that_it_did_not_sign(world, bad, sign):
    """Else the forgery would stand under a head that the log's own key signed."""
    attacker = Attacker(world)
    attacker.grow_head(attacker.plant(evidence(bad)), sign=sign)
    forget_stores()
    with pytest.raises(StoreError, match="not one that the log's key signed"):
        world.measure(bad, [])
    (world.store.key_folder / "log.seen").unlink()  # as on another machine with the same key
    forget_stores()
    with pytest.raises(StoreError, match="not one that the log's key signed"):
        world.measure(bad, [])


@pytest.mark.parametrize("full_tile", [False, True])
def test_record_changed_in_its_place_is_believed_by_nobody(world, bad, full_tile):
    target = next(iter(world.store.find(kind="performance", subject=bad.sha256)))
    if full_tile:
        world.store.append_many([evidence(bad, "drift", {"n": n}) for n in range(300)])
        forget_stores()
    attacker = Attacker(world)
    leaf, values = attacker.row(evidence(bad), target.sequence, at=target.received_at)
    names = ("sequence", "id", "key", "kind", "system", "run", "received_at", "leaf", "envelope")
    assignments = ", ".join(f"{name} = ?" for name in names)
    attacker.sql(
        (f"UPDATE aims_records SET {assignments} WHERE sequence = ?", (*values, target.sequence))
    )
    if full_tile:  # and the tile that his record would make
        with closing(sqlite3.connect(world.store.database.path)) as database:
            (tile,) = database.execute(
                "SELECT hashes FROM aims_tiles WHERE level = 0 AND position = 0"
            ).fetchone()
        start = target.sequence * 32
        forged = tile[:start] + leaf_hash(leaf) + tile[start + 32 :]
        attacker.sql(
            ("UPDATE aims_tiles SET hashes = ? WHERE level = 0 AND position = 0", (forged,))
        )
    forget_stores()
    refused_everywhere(world, bad)


def test_forged_approval_of_a_person_whose_key_was_stolen_is_still_not_in_the_log(world):
    """A replay under another leaf: the signed words are genuine, the record is not the log's."""
    model = world.train("one")
    world.submit(model)
    signed = world.approve(model)
    world.approve(model, verdict="revoke", reason="second thoughts")
    attacker = Attacker(world)
    attacker.plant(evidence(model, "approval", dict(signed.evidence.body), actor="bo"))
    refused_everywhere(world, model)


def test_decision_that_the_log_never_signed_lets_nothing_be_used(world, bad):
    Attacker(world).plant(evidence(bad, "decision", {"allowed": True, "verdict": "allowed",
        "target": "production", "model": bad.sha256, "policy": world.policy.digest}))  # fmt: skip
    assert look_at_model(bad, target="production", project=world.project).verdict == "undecided"


def test_forged_removal_hides_no_alarm(world, bad):
    body = {"target": "production", "alias": "champion", "name": "loans", "model": bad.sha256}
    world.record("promotion", [bad.subject], {**body, "outcome": "set"})
    assert every_alarm(world.store, world.project, _moment())
    Attacker(world).plant(evidence(bad, "promotion", {**body, "outcome": "removed"}))
    with pytest.raises(VerificationError):
        every_alarm(world.store, world.project, _moment())


def _moment():
    from datetime import UTC, datetime

    return datetime.now(UTC)


def test_log_put_back_to_before_a_revocation_decides_nothing(world, tmp_path):
    model = world.ready("one")
    world.store.close()
    path = world.store.database.path
    before = path.read_bytes()
    world.approve(model, verdict="revoke", reason="second thoughts")
    forget_stores()
    for name in path.parent.glob(f"{path.name}-*"):
        name.unlink()
    path.write_bytes(before)
    decision = world.gate(model, record=False)
    assert decision.verdict == "undecided"
    assert "not the one that was signed here before" in decision.reasons[0].observed


# ---- a reader without the log's private key


def reader(world, tmp_path, monkeypatch, pin):
    """Another machine: the database and the project, and no key but perhaps the public one."""
    (tmp_path / "elsewhere").mkdir(exist_ok=True)
    monkeypatch.setenv("AIMS_LOG_KEYS", str(tmp_path / "elsewhere"))
    if pin is not None:
        monkeypatch.setenv("AIMS_LOG_KEY", pin)
    forget_stores()


def test_reader_with_the_public_key_checks_and_without_any_decides_nothing(
    world, tmp_path, monkeypatch
):
    model = world.ready("one")
    assert world.gate(model).allowed
    (first,) = world.store.verifier_keys()
    reader(world, tmp_path, monkeypatch, None)
    check = look_at_model(model, target="production", project=world.project)
    assert check.verdict == "undecided"
    assert "AIMS_LOG_KEY" in check.reasons[0].next_step
    reader(world, tmp_path, monkeypatch, str(first))
    assert look_at_model(model, target="production", project=world.project).allowed
    Attacker(world).plant(evidence(model, "drift", {}))
    assert look_at_model(model, target="production", project=world.project).verdict == "undecided"


def test_reader_follows_a_key_that_was_handed_over_and_no_other(world, tmp_path, monkeypatch):
    model = world.ready("one")
    assert world.gate(model).allowed
    (first,) = world.store.verifier_keys()
    rotate_key(world.store, actor="ana")
    assert world.gate(model).allowed
    reader(world, tmp_path, monkeypatch, str(first))
    assert look_at_model(model, target="production", project=world.project).allowed
    other = FileSigner(Ed25519PrivateKey.generate())
    pin = str(type(first)(first.name, other.public))
    reader(world, tmp_path, monkeypatch, pin)
    assert look_at_model(model, target="production", project=world.project).verdict == "undecided"


def test_deciding_goes_on_while_another_process_rotates_the_key(world):
    model = world.ready("one")
    store = world.store
    assert world.gate(model).allowed
    other = open_sql_store(store.database.url, keys=store.key_folder)
    rotate_key(other, actor="ana")
    other.close()
    assert world.gate(model).allowed


# ---- the tree itself


@pytest.mark.parametrize("batch", [1, 7, 255, 256, 257, 1000])
def test_every_record_of_an_honest_log_is_believed_at_every_size(tmp_path, batch):
    store = open_sql_store(f"sqlite:///{tmp_path}/log/evidence.db")
    signed = store.signed
    count = 60 if batch == 1 else 5 * batch
    for start in range(0, count, batch):
        store.append_many([_numbered(n) for n in range(start, start + batch)])
        assert len(list(signed.find())) == start + batch
    assert len(list(store.signed.find(newest_first=True))) == count
    fresh = open_sql_store(f"sqlite:///{tmp_path}/log/evidence.db")
    last = next(fresh.signed.find(newest_first=True, limit=1))
    assert last.sequence == count - 1
    assert [r.sequence for r in fresh.signed.find(since=0, limit=3)] == [0, 1, 2][:count]
    store.close()
    fresh.close()


def test_log_of_more_records_than_a_tile_of_tiles_is_read_at_both_ends(tmp_path):
    store = open_sql_store(f"sqlite:///{tmp_path}/log/evidence.db")
    size = 256 * 256 + 300
    for start in range(0, size, 4000):
        store.append_many([_numbered(n) for n in range(start, min(size, start + 4000))])
    for since in (0, 255, 256, 65_535, 65_536, size - 1):
        assert next(store.signed.find(since=since, limit=1)).sequence == since
    store.append_many([_numbered(n) for n in range(size, size + 10)])
    assert next(store.signed.find(newest_first=True, limit=1)).sequence == size + 9
    attacked = 70
    with closing(sqlite3.connect(store.database.path, isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            database.execute(f"DROP TRIGGER {name}")
        database.execute(
            "UPDATE aims_records SET leaf = (SELECT leaf FROM aims_records WHERE sequence = 71) "
            "WHERE sequence = ?",
            (attacked,),
        )
    with pytest.raises(VerificationError):
        next(store.signed.find(since=attacked, limit=1))
    store.close()


def test_empty_log_is_read_as_empty(tmp_path):
    store = open_sql_store(f"sqlite:///{tmp_path}/log/evidence.db")
    assert list(store.signed.find()) == []
    assert bytes.fromhex(store.signed.status().root) == EMPTY_ROOT
    store.close()


def _numbered(n):
    from aims_mlops.evidence.records import Subject

    subject = Subject("model:m", hashlib.sha256(str(n % 50).encode()).hexdigest())
    return Evidence(kind="run", subjects=(subject,), body={"n": n}, actor="ana", claimed_at=now())


def test_key_that_a_forger_lays_beside_the_log_counts_nothing_where_one_is_pinned(
    world, tmp_path, monkeypatch
):
    """Whoever may write the folder of the log puts a key of his own there, and signs all anew."""
    model = world.ready("one")
    assert world.gate(model).allowed
    (true,) = world.store.verifier_keys()
    forged = open_sql_store(f"sqlite:///{tmp_path}/forger/evidence.db")
    forged.append(evidence(model, "drift", {}))
    with closing(sqlite3.connect(forged.database.path, isolation_level=None)) as database:
        database.execute("DROP TRIGGER aims_head_grows")
        database.execute("UPDATE aims_head SET log_id = ?", (world.store.log_id,))
        size, root = database.execute("SELECT size, root FROM aims_head").fetchone()
        note = Checkpoint(origin_of(world.store.log_id), size, root).sign(forged.signing.signer)
        database.execute("UPDATE aims_head SET checkpoint = ?", (note,))
    forged.close()
    again = open_sql_store(forged.database.dsn)
    assert len(list(again.signed.find())) == 1  # by the key beside it, it is a log
    again.close()
    monkeypatch.setenv("AIMS_LOG_KEY", str(true))
    again = open_sql_store(forged.database.dsn)
    with pytest.raises(VerificationError):
        list(again.signed.find())
    again.close()


@pytest.mark.parametrize("full_tile", [False, True])
def test_row_put_in_the_place_of_a_revocation_is_told_to_a_machine_that_never_looked(
    world, tmp_path, monkeypatch, full_tile
):
    """Row, leaf and envelope agree and no index is there yet: only the signed root tells."""
    model = world.ready("one")
    assert world.gate(model).allowed
    revoked = world.approve(model, verdict="revoke", reason="second thoughts")
    if full_tile:
        world.store.append_many([evidence(model, "drift", {"n": n}) for n in range(300)])
    (pin,) = world.store.verifier_keys()
    attacker = Attacker(world)
    _, values = attacker.row(
        evidence(model, "gap", {"where": "x"}), revoked.sequence, at=revoked.received_at
    )
    names = ("sequence", "id", "key", "kind", "system", "run", "received_at", "leaf", "envelope")
    assignments = ", ".join(f"{name} = ?" for name in names)
    attacker.sql(
        (f"UPDATE aims_records SET {assignments} WHERE sequence = ?", (*values, revoked.sequence))
    )
    reader(world, tmp_path, monkeypatch, str(pin))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    assert world.gate(model, record=False).verdict == "undecided"
    assert look_at_model(model, target="production", project=world.project).verdict == "undecided"
