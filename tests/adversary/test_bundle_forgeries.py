"""A forger with the log's public key, a bundle and a text editor, against an auditor's key."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import Signer, key_id, pae, seal, sign
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.checkpoint import Checkpoint as LogCheckpoint
from aims_mlops.evidence.transparency.checkpoint import origin_of
from aims_mlops.evidence.transparency.leaf import write_leaf
from aims_mlops.evidence.transparency.merkle import grow, leaf_hash, root_of
from aims_mlops.evidence.transparency.note import VerifierKey
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.bundle.export import HEADER_TYPE, Scope, export_bundle
from aims_mlops.store.disk.key_file import FileSigner, load_key
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_verify.findings import Findings, UnreadableError
from aims_verify.note import Checkpoint, parse_key
from aims_verify.verify import verify

TIME = "2026-11-21T09:00:00.000000Z"


class Anyone:
    """The true key as a forger has it: its public half, and signatures that do not hold."""

    def __init__(self, public: bytes) -> None:
        self.public = public

    def sign(self, message: bytes) -> bytes:
        return bytes(64)


class LowOrder:
    """A key of low order (the neutral point): one signature holds for every message."""

    public = (1).to_bytes(32, "little")

    def sign(self, message: bytes) -> bytes:
        return (1).to_bytes(32, "little") + bytes(32)


FORGER = FileSigner(Ed25519PrivateKey.from_private_bytes(b"f" * 32))


def evidence(number: int, kind: str = "run", **body: Any) -> Evidence:
    return Evidence(
        kind=kind,
        subjects=(Subject.of_name(f"run:{number}"),),
        body=body or {"number": number},
        actor="tester@example.org",
        claimed_at=TIME,
        system="loans",
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterable[SqlStore]:
    opened = open_sql_store(f"sqlite:///{tmp_path}/log/evidence.db")
    opened.append_many([evidence(i) for i in range(12)])
    yield opened
    opened.close()


@pytest.fixture
def pinned(store: SqlStore) -> str:
    return str(store.verifier_keys()[0])


def record_line(
    log: str,
    sequence: int,
    statement: Evidence,
    *signers: Signer,
    received_at: str | None = None,
    withheld: bool = False,
) -> tuple[bytes, bytes]:
    """The line of a record that somebody made up, and its leaf."""
    payload = canonical(statement.to_statement())
    envelope = seal(payload, [sign(payload, signer) for signer in signers])
    leaf = write_leaf(
        log=log,
        sequence=sequence,
        kind=statement.kind,
        version=1,
        envelope=hashlib.sha256(envelope).hexdigest(),
        subjects=[s.sha256 for s in statement.subjects],
        blobs=(),
        actor=statement.actor,
        key=hashlib.sha256(payload).hexdigest(),
        claimed_at=TIME,
        received_at=received_at or clock.now(),
    )
    return b'{"envelope":' + (b"null" if withheld else envelope) + b',"leaf":' + leaf + b"}", leaf


def handover(log: str, old: Signer, new: Signer, /, **change: Any) -> Evidence:
    body = {
        "key_id": key_id(new.public),
        "log": log,
        "previous": key_id(old.public),
        "public": new.public.hex(),
        "reason": "rotation",
        **change,
    }
    return evidence(0, "key-rotation", **{k: v for k, v in body.items() if v is not None})


def write(
    path: Path,
    log: str,
    keys: Sequence[tuple[int, bytes]],
    records: Sequence[tuple[bytes, bytes]],
    *signers: Signer,
    note: str | None = None,
    header: dict[str, Any] | None = None,
) -> Path:
    """A bundle in which everything fits together, but for what the forger cannot sign."""
    frontier: list[bytes] = []
    for number, (_, leaf) in enumerate(records):
        grow(frontier, number, leaf_hash(leaf))
    first = {
        "aims_bundle": 1,
        "checkpoint": note
        or LogCheckpoint(origin_of(log), len(records), root_of(frontier)).sign(*signers),
        "keys": [{"public": b64encode(p).decode(), "valid_from": start} for start, p in keys],
        "log": log,
        "scope": None,
        "written_at": TIME,
        "written_by": "aims-mlops",
        **(header or {}),
    }
    lines = [canonical(first), *(line for line, _ in records)]
    body = b"".join(line + b"\n" for line in lines)
    digest = hashlib.sha256(body).hexdigest().encode()
    path.write_bytes(body + b'{"end":{"lines":%d,"sha256":"%b"}}\n' % (len(lines), digest))
    return path


def true_records(path: Path) -> list[tuple[bytes, bytes]]:
    lines = [line for line in path.read_bytes().split(b"\n") if line.startswith(b'{"envelope"')]
    return [(line, canonical(json.loads(line)["leaf"])) for line in lines]


def withheld(record: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    return b'{"envelope":null,"leaf":' + record[1] + b"}", record[1]


def verdict(path: Path, *keys: str, kept: str | None = None, **options: Any) -> Findings | None:
    try:
        return verify(
            path,
            keys=tuple(parse_key(key) for key in keys),
            kept=None if kept is None else Checkpoint.parse(kept),
            cores=1,
            **options,
        )
    except UnreadableError:
        return None


def holds(path: Path, *keys: str, kept: str | None = None, **options: Any) -> bool:
    found = verdict(path, *keys, kept=kept, **options)
    return found is not None and found.good


def own_log(log: str, count: int, *signers: Signer) -> list[tuple[bytes, bytes]]:
    return [record_line(log, i, evidence(100 + i), *signers) for i in range(count)]


def test_forged_log_that_rotates_into_the_true_key_is_refused(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    """Everything is signed by the forger; only the last record names the auditor's key."""
    log, true = store.log_id, Anyone(store.verifier_keys()[0].public)
    for number, (signers, heads) in enumerate(
        [
            ((FORGER,), (FORGER,)),
            ((FORGER, true), (FORGER,)),
            ((FORGER, true), (FORGER, true)),
            ((FORGER,), (FORGER, true)),
            ((true, FORGER), (true, FORGER)),
        ]
    ):
        for change in ({}, {"log": None}):
            records = own_log(log, 5, FORGER)
            records.append(record_line(log, 5, handover(log, FORGER, true, **change), *signers))
            keys = [(0, FORGER.public), (6, true.public)]
            path = write(tmp_path / f"{number}.aims", log, keys, records, *heads)
            assert not holds(path, pinned)
            assert not holds(path)  # what was not taken over fails, pinned or not


def test_true_key_in_the_middle_or_twice_vouches_for_nothing(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    log, true = store.log_id, Anyone(store.verifier_keys()[0].public)
    real = true_records(export_bundle(store, tmp_path / "real.aims").path)
    other = FileSigner(Ed25519PrivateKey.from_private_bytes(b"g" * 32))
    records = own_log(log, 3, FORGER)
    records.append(record_line(log, 3, handover(log, FORGER, true, log=None), FORGER))
    # A record that the true key did sign, moved; older versions took it for the key's consent.
    moved = json.loads(real[4][0])
    leaf = canonical({**moved["leaf"], "sequence": 4})
    records.append(
        (b'{"envelope":' + canonical(moved["envelope"]) + b',"leaf":' + leaf + b"}", leaf)
    )
    records.append(record_line(log, 5, handover(log, true, other), true, other))
    keys = [(0, FORGER.public), (4, true.public), (6, other.public)]
    assert not holds(write(tmp_path / "a.aims", log, keys, records, other), pinned)
    # Without the handover back, and with the first key once more at the end.
    keys = [(0, FORGER.public), (4, true.public)]
    assert not holds(write(tmp_path / "b.aims", log, keys, records[:5], FORGER, true), pinned)
    keys = [(0, FORGER.public), (4, true.public), (6, FORGER.public)]
    assert not holds(write(tmp_path / "c.aims", log, keys, records, FORGER), pinned)
    keys = [(0, true.public), (4, FORGER.public)]
    assert not holds(write(tmp_path / "d.aims", log, keys, records[:4], FORGER), pinned)


def test_forged_records_behind_true_ones_do_not_pass(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    """With key and kept checkpoint: twelve true records, then three forged ones, or withheld."""
    log, true = store.log_id, Anyone(store.verifier_keys()[0].public)
    kept = store.status().checkpoint
    real = true_records(export_bundle(store, tmp_path / "real.aims").path)
    said: list[tuple[str, list[tuple[bytes, bytes]], Sequence[tuple[int, bytes]]]] = []
    for hidden in (False, True):
        tail = [
            record_line(log, 12, handover(log, true, FORGER), true, FORGER, withheld=hidden),
            record_line(log, 13, evidence(13), FORGER, withheld=hidden),
            record_line(log, 14, evidence(14), FORGER, withheld=hidden),
        ]
        said += [
            (f"{hidden} {at}", [*real, *tail], [(0, true.public), (at, FORGER.public)])
            for at in (12, 13, 14, 15)
        ]
        said.append((f"{hidden} -", [*real, *tail], [(0, true.public)]))
    # The whole is the forger's, the true records come without the envelopes that would show it,
    # and the last record hands over to the true key.
    tail = [record_line(log, i, evidence(i), FORGER) for i in (12, 13)]
    tail.append(record_line(log, 14, handover(log, FORGER, true), FORGER))
    keys = [(0, FORGER.public), (15, true.public)]
    said.append(("all", [*map(withheld, real), *tail], keys))
    tried = 0
    for name, records, keys in said:
        # Under a head of the forger's, or under the note that the true log did sign.
        for heads, note in (((FORGER,), None), ((true, FORGER), None), ((true,), None), ((), kept)):
            path = write(tmp_path / "x.aims", log, keys, records, *heads, note=note)
            for accepted in (False, True):
                tried += 1
                assert not holds(path, pinned, kept=kept, accept_withheld=accepted), name
    print(f"{tried} logs with forged records behind true ones, 0 silent")


def test_true_log_with_every_statement_withheld_is_told_and_fails(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    log, kept = store.log_id, store.status().checkpoint
    public = store.verifier_keys()[0].public
    real = true_records(export_bundle(store, tmp_path / "real.aims").path)
    for count in (1, 12):
        records = [withheld(r) if i < count else r for i, r in enumerate(real)]
        for header in ({}, {"withheld": ["run"]}, {"withheld": ["run"], "signature": "AAAA"}):
            path = write(tmp_path / "x.aims", log, [(0, public)], records, note=kept, header=header)
            for options in ({}, {"accept_withheld": True}):
                found = verdict(path, pinned, kept=kept, **options)
                assert found is not None
                assert not found.good
                assert not any("whole log" in sentence for sentence in found.holds)
                assert any("without its content" in text for text in found.failures())


def test_withholding_that_the_export_says_is_told_loudly_and_asks_to_be_accepted(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    store.append(evidence(50, "performance"))
    path = export_bundle(store, tmp_path / "x.aims", withhold=["run"]).path
    found = verdict(path, pinned)
    assert found is not None
    assert any("content of 12 records is WITHHELD (run)" in text for text in found.failures())
    accepted = verdict(path, pinned, accept_withheld=True)
    assert accepted is not None
    assert accepted.good, list(accepted.failures())
    assert any("WITHHELD" in text for text in accepted.unchecked)
    assert not any("whole log" in text for text in accepted.holds)
    part = export_bundle(
        store, tmp_path / "p.aims", withhold=["run"], scope=Scope(system="loans")
    ).path
    assert not holds(part, pinned)
    assert holds(part, pinned, accept_withheld=True)
    # Whoever widens it, or takes the signature away, is told.
    lines = path.read_bytes().split(b"\n")[:-2]
    header = json.loads(lines[0])
    real = [(line, canonical(json.loads(line)["leaf"])) for line in lines[1:]]
    wide = [*real[:-1], withheld(real[-1])]
    for change in (
        {"withheld": ["performance", "run"]},
        {"signature": None},
        {"scope": {"system": "loans"}},
        {"written_at": "2020-01-01T00:00:00.000000Z"},
    ):
        forged = {k: v for k, v in {**header, **change}.items() if v is not None}
        body = write(
            tmp_path / "y.aims", store.log_id, [], wide, note=header["checkpoint"], header=forged
        )
        assert not holds(body, pinned, accept_withheld=True), change


def test_records_about_the_log_cannot_be_withheld(store: SqlStore, tmp_path: Path) -> None:
    from aims_mlops.errors import InputError

    with pytest.raises(InputError, match="about the log itself"):
        export_bundle(store, tmp_path / "x.aims", withhold=["key-rotation"])
    rotate_key(store, actor="keeper")
    real = true_records(export_bundle(store, tmp_path / "real.aims").path)
    header = json.loads((tmp_path / "real.aims").read_bytes().split(b"\n")[0])
    header["withheld"] = ["key-rotation"]
    del header["signature"]
    signer = load_key(store.key_folder / "log.key")  # even the log's own key
    header["signature"] = b64encode(signer.sign(pae(HEADER_TYPE, canonical(header)))).decode()
    records = [*real[:-1], withheld(real[-1])]
    path = write(
        tmp_path / "x.aims", store.log_id, [], records, note=header["checkpoint"], header=header
    )
    found = verdict(path, accept_withheld=True)
    assert found is not None
    assert any("about the log itself" in text for text in found.failures())


def test_key_of_low_order_signs_nothing(tmp_path: Path) -> None:
    """Its one signature holds for every message: nobody needs to own it."""
    log, key = "a" * 32, LowOrder()
    records = [record_line(log, i, evidence(i), key) for i in range(3)]
    path = write(tmp_path / "x.aims", log, [(0, key.public)], records, key)
    found = verdict(path)
    assert found is not None
    assert any("many messages" in text for text in found.failures())
    with pytest.raises(UnreadableError, match="anybody could sign"):
        parse_key(str(VerifierKey(origin_of(log), key.public)))


def test_log_under_the_true_keys_other_log_is_refused(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    """One key in a key management service may sign two logs; the auditor asked for one of them."""
    signer = load_key(store.key_folder / "log.key")
    log = "b" * 32
    path = write(tmp_path / "x.aims", log, [(0, signer.public)], own_log(log, 3, signer), signer)
    found = verdict(path, pinned)
    assert found is not None
    assert list(found.failures()) == ["the key you gave is another log's"]


@pytest.mark.parametrize("way", ["head", "first", "kept"])
def test_pinned_key_that_does_vouch_is_believed(store: SqlStore, tmp_path: Path, way: str) -> None:
    first = str(store.verifier_keys()[0])
    rotate_key(store, actor="keeper")
    store.append(evidence(20))
    second, kept = str(store.verifier_keys()[1]), store.status().checkpoint
    rotate_key(store, actor="keeper")
    store.append(evidence(21))
    third = str(store.verifier_keys()[2])
    path = export_bundle(store, tmp_path / "x.aims").path
    part = export_bundle(store, tmp_path / "p.aims", scope=Scope(kind=("gap",)), since=kept).path
    for bundle in (path, part):
        if way == "kept":
            assert not holds(bundle, second)
            assert holds(bundle, second, kept=kept)
        else:
            assert holds(bundle, third if way == "head" else first)
    unproved = export_bundle(store, tmp_path / "u.aims", scope=Scope(kind=("gap",))).path
    assert not holds(unproved, second, kept=kept)


def test_kept_checkpoint_that_a_later_key_signed_for_an_earlier_time_is_refused(
    store: SqlStore, tmp_path: Path
) -> None:
    rotate_key(store, actor="keeper")
    store.append(evidence(20))
    thief = load_key(store.key_folder / "log.key")
    real = true_records(export_bundle(store, tmp_path / "x.aims").path)
    frontier: list[bytes] = []
    for number, (_, leaf) in enumerate(real[:5]):
        grow(frontier, number, leaf_hash(leaf))
    note = LogCheckpoint(origin_of(store.log_id), 5, root_of(frontier)).sign(thief)
    found = verdict(tmp_path / "x.aims", kept=note)
    assert found is not None
    assert any("not the log's at that time" in text for text in found.failures())


def test_record_dated_25_years_before_its_predecessor_is_told(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    """By somebody who has the log's key."""
    log, signer = store.log_id, load_key(store.key_folder / "log.key")
    good = [record_line(log, i, evidence(i), signer, received_at=TIME) for i in range(6)]
    for when, odd in (
        ("2001-11-21T09:00:00.000000Z", True),
        ("2026-11-21T08:58:59.000000Z", True),
        ("2026-11-21T08:59:30.000000Z", False),
        ("2026-11-31T09:00:00.000000Z", True),
        ("2026-11-21T09:00:00Z", True),
        ("yesterday", True),
    ):
        records = [*good, record_line(log, 6, evidence(6), signer, received_at=when)]
        path = write(tmp_path / "x.aims", log, [(0, signer.public)], records, signer)
        assert holds(path, pinned) is not odd, when


def test_the_command_refuses_what_the_forger_made(
    store: SqlStore, pinned: str, tmp_path: Path
) -> None:
    log, true = store.log_id, Anyone(store.verifier_keys()[0].public)
    records = own_log(log, 5, FORGER)
    records.append(record_line(log, 5, handover(log, FORGER, true), FORGER, true))
    keys = [(0, FORGER.public), (6, true.public)]
    write(tmp_path / "forged.aims", log, keys, records, FORGER)
    export_bundle(store, tmp_path / "honest.aims")
    hidden = export_bundle(store, tmp_path / "hidden.aims", withhold=["run"]).path

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "aims_verify.cli", *arguments, "--key", pinned]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("honest.aims")
    assert done.returncode == 0, done.stdout
    assert "the log's key is the one you gave: the log begins with it" in done.stdout
    done = run("forged.aims")
    assert done.returncode == 1
    assert "This bundle does not hold." in done.stdout
    assert "did not sign the handover" in done.stdout or "does not hold" in done.stdout
    assert run("hidden.aims").returncode == 1
    accepted = run("hidden.aims", "--accept-withheld")
    assert (accepted.returncode, "WITHHELD" in accepted.stdout) == (0, True)
    assert b64decode(json.loads(hidden.read_bytes().split(b"\n")[0])["signature"])
