"""What somebody can do to an exported bundle, and what the auditor's verifier says to it."""

from __future__ import annotations

import hashlib
import itertools
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import seal, sign
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.checkpoint import Checkpoint as LogCheckpoint
from aims_mlops.evidence.transparency.checkpoint import origin_of
from aims_mlops.evidence.transparency.merkle import grow, leaf_hash, root_of
from aims_mlops.store.administration.anchors import anchor_to_file
from aims_mlops.store.bundle.export import Scope, export_bundle
from aims_mlops.store.disk.key_file import FileSigner, load_key
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_verify.findings import Findings, UnreadableError
from aims_verify.note import Checkpoint
from aims_verify.verify import verify


@pytest.fixture
def store(tmp_path: Path) -> Iterable[SqlStore]:
    opened = open_sql_store(f"sqlite:///{tmp_path}/evidence.db")
    blob = opened.put_blob(b"a model card", media_type="text/markdown")
    reference = {"sha256": blob.sha256, "size": blob.size, "media_type": blob.media_type}
    opened.append_many([_evidence(i, card=reference if i == 1 else None) for i in range(3)])
    yield opened
    opened.close()


def _evidence(number: int, **body: Any) -> Evidence:
    return Evidence(
        kind="run",
        subjects=(Subject.of_name(f"run:{number}"),),
        body={"number": number, **body},
        actor="tester@example.org",
        claimed_at="2026-11-21T09:00:00.000000Z",
        system="diabetes-risk",
    )


@pytest.fixture
def bundle(store: SqlStore, tmp_path: Path) -> Path:
    return export_bundle(store, tmp_path / "log.aims").path


def _verdict(path: Path, content: bytes | None = None, **options: Any) -> Findings | None:
    """What the verifier says; None if it refuses to read the file."""
    if content is not None:
        path.write_bytes(content)
    try:
        return verify(path, cores=1, **options)
    except UnreadableError:
        return None


def _detected(path: Path, content: bytes, **options: Any) -> bool:
    found = _verdict(path, content, **options)
    return found is None or not found.good


def _with_trailer(lines: list[bytes]) -> bytes:
    """The lines as a bundle whose trailer an attacker wrote anew."""
    body = b"".join(line + b"\n" for line in lines)
    digest = hashlib.sha256(body).hexdigest().encode()
    return body + b'{"end":{"lines":%d,"sha256":"%b"}}\n' % (len(lines), digest)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-2]  # without the trailer


def _leaf(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)["leaf"]
    return found


def _record(envelope: bytes, leaf: bytes) -> bytes:
    return b'{"envelope":' + envelope + b',"leaf":' + leaf + b"}"


def test_untouched_bundle_holds(bundle: Path) -> None:
    found = _verdict(bundle)
    assert found is not None
    assert found.good
    assert any("whole log" in sentence for sentence in found.holds)


def test_one_flipped_bit_at_every_byte_is_detected(bundle: Path, tmp_path: Path) -> None:
    content = bundle.read_bytes()
    target = tmp_path / "flipped.aims"
    silent = [
        at
        for at in range(len(content))
        if not _detected(
            target, content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
        )
    ]
    print(f"bundle of {len(content)} bytes: {len(content)} flips, {len(silent)} silent")
    assert silent == []


def test_one_flipped_bit_under_a_recomputed_trailer_is_detected(
    bundle: Path, tmp_path: Path
) -> None:
    """The trailer is no signature: what the log signed must show every change by itself."""
    lines = _lines(bundle)
    body = b"\n".join(lines)
    target = tmp_path / "flipped.aims"
    # Two claims of the writer in the header are signed by nobody, and say so in docs/verify.md.
    header = json.loads(lines[0])
    free: set[int] = set()
    for name in ("written_at", "written_by"):
        start = body.index(header[name].encode())
        free.update(range(start, start + len(header[name])))
    silent, tried = [], 0
    for at in range(len(body)):
        if at in free:
            continue
        tried += 1
        flipped = body[:at] + bytes([body[at] ^ 1 << at % 8]) + body[at + 1 :]
        if not _detected(target, _with_trailer(flipped.split(b"\n"))):
            silent.append(at)
    print(f"recomputed trailer: {tried} flips, {len(silent)} silent, {len(free)} bytes unsigned")
    assert [body[max(0, at - 20) : at + 20] for at in silent] == []


def test_records_dropped_swapped_repeated_or_cut_off_are_detected(
    bundle: Path, tmp_path: Path
) -> None:
    lines = _lines(bundle)
    at = [i for i, line in enumerate(lines) if line.startswith(b'{"envelope"')]
    attacks: list[list[bytes]] = []
    attacks += [lines[:i] + lines[i + 1 :] for i in at]  # one dropped
    attacks += [[*lines[:i], lines[i], *lines[i:]] for i in at]  # one repeated
    for i, j in itertools.combinations(at, 2):  # two swapped
        swapped = list(lines)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        attacks.append(swapped)
    attacks += [lines[:i] for i in range(1, len(lines))]  # the end cut off
    target = tmp_path / "attack.aims"
    silent = [i for i, attack in enumerate(attacks) if not _detected(target, _with_trailer(attack))]
    print(f"dropped, repeated, swapped, cut off: {len(attacks)} attacks, {len(silent)} silent")
    assert silent == []


def _forgeries(line: bytes, signer: FileSigner) -> Iterable[tuple[str, bytes]]:
    """A record retyped in every field of its leaf, of its statement, and of both."""
    found = json.loads(line)
    envelope, leaf = canonical(found["envelope"]), found["leaf"]
    for name, value in leaf.items():
        other = (
            value + 1 if isinstance(value, int) else ["0" * 64] if isinstance(value, list) else "x"
        )
        yield f"leaf.{name}", _record(envelope, canonical({**leaf, name: other}))
    statement = json.loads(b64decode(found["envelope"]["payload"]))
    for name, change in (
        ("kind", {"predicateType": "urn:aims-mlops:evidence:approval:v1"}),
        ("subject", {"subject": [{"name": "x", "digest": {"sha256": "0" * 64}}]}),
        ("body", {"predicate": {**statement["predicate"], "body": {"number": 99}}}),
        ("system", {"predicate": {**statement["predicate"], "system": "another"}}),
    ):
        payload = canonical({**statement, **change})
        unsigned = canonical({**found["envelope"], "payload": b64encode(payload).decode()})
        yield f"statement.{name}", _record(unsigned, canonical(leaf))
        signed = seal(payload, [sign(payload, signer)])
        fitting = {**leaf, "envelope": hashlib.sha256(signed).hexdigest()}
        yield f"signed {name}", _record(signed, canonical(fitting))


def test_records_retyped_by_an_insider_with_the_log_key_are_detected(
    store: SqlStore, bundle: Path, tmp_path: Path
) -> None:
    """Even the log's own key cannot change a record under a checkpoint that is signed already."""
    signer = load_key(store.key_folder / "log.key")
    lines = _lines(bundle)
    target = tmp_path / "attack.aims"
    silent, tried = [], 0
    for i, line in enumerate(lines):
        if not line.startswith(b'{"envelope"'):
            continue
        for name, forged in _forgeries(line, signer):
            tried += 1
            if not _detected(target, _with_trailer([*lines[:i], forged, *lines[i + 1 :]])):
                silent.append(name)
    print(f"retyped records: {tried} attacks, {len(silent)} silent")
    assert tried > 50
    assert silent == []


def _rewritten(
    bundle: Path, signer: FileSigner, change: Callable[[int, dict[str, Any]], Any]
) -> bytes:
    """The bundle as somebody with a key would rewrite the whole log: everything fits together."""
    lines = _lines(bundle)
    frontier: list[bytes] = []
    records: list[bytes] = []
    for line in lines:
        if not line.startswith(b'{"envelope"'):
            continue
        found = json.loads(line)
        statement = json.loads(b64decode(found["envelope"]["payload"]))
        number = len(records)
        statement["predicate"]["body"] = change(number, statement["predicate"]["body"])
        if statement["predicate"]["body"] is None:
            break
        payload = canonical(statement)
        envelope = seal(payload, [sign(payload, signer)])
        leaf = canonical(
            {**found["leaf"], "envelope": hashlib.sha256(envelope).hexdigest(), "blobs": []}
        )
        grow(frontier, number, leaf_hash(leaf))
        records.append(_record(envelope, leaf))
    header = json.loads(lines[0])
    note = LogCheckpoint(origin_of(header["log"]), len(records), root_of(frontier)).sign(signer)
    header["checkpoint"] = note
    header["keys"] = [{"public": b64encode(signer.public).decode(), "valid_from": 0}]
    del header["signature"]  # a bundle need not have one
    return _with_trailer([canonical(header), *records])


def test_log_rewritten_with_its_own_key_fails_against_a_kept_checkpoint(
    store: SqlStore, bundle: Path, tmp_path: Path
) -> None:
    note = store.status().checkpoint
    assert note is not None
    kept = Checkpoint.parse(note)
    signer = load_key(store.key_folder / "log.key")
    changed = _rewritten(
        bundle, signer, lambda i, body: {"number": 99} if i == 1 else {"number": i}
    )
    shorter = _rewritten(bundle, signer, lambda i, body: {"number": i} if i < 2 else None)
    target = tmp_path / "attack.aims"
    for content in (changed, shorter):
        alone = _verdict(target, content)
        assert alone is not None
        assert alone.good, "without anything from outside, nobody can tell"
        assert any("unanchored" in sentence for sentence in alone.unchecked)
        assert _detected(target, content, kept=kept)
    print("rewritten with the log's key: 2 attacks, 0 silent against a kept checkpoint")


def test_log_rewritten_with_another_key_fails_against_checkpoint_and_pinned_key(
    store: SqlStore, bundle: Path, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    note = store.status().checkpoint
    assert note is not None
    own = load_key(store.key_folder / "log.key")
    forged = _rewritten(
        bundle, FileSigner(Ed25519PrivateKey.generate()), lambda i, body: {"number": 7}
    )
    target = tmp_path / "attack.aims"
    alone = _verdict(target, forged)
    assert alone is not None
    assert any("not pinned" in sentence for sentence in alone.unchecked)
    assert _detected(target, forged, kept=Checkpoint.parse(note))
    assert _detected(target, forged, keys=((own.key_id, own.public),))


def test_older_bundle_and_restored_backup_fail_against_a_newer_checkpoint(
    store: SqlStore, bundle: Path, tmp_path: Path
) -> None:
    store.append(_evidence(3))
    note = store.status().checkpoint
    assert note is not None
    assert _detected(tmp_path / "old.aims", bundle.read_bytes(), kept=Checkpoint.parse(note))
    newer = export_bundle(store, tmp_path / "new.aims").path
    found = _verdict(newer, kept=Checkpoint.parse(note))
    assert found is not None
    assert found.good


def test_record_of_another_log_does_not_pass_in_a_part(store: SqlStore, tmp_path: Path) -> None:
    other = open_sql_store(f"sqlite:///{tmp_path}/other/evidence.db")
    other.append_many([_evidence(i) for i in range(4)])
    scope = Scope(subject=Subject.of_name("run:2").sha256)
    ours = _lines(export_bundle(store, tmp_path / "ours.aims", scope=scope).path)
    theirs = _lines(export_bundle(other, tmp_path / "theirs.aims", scope=scope).path)
    other.close()
    foreign = next(line for line in theirs if line.startswith(b'{"envelope"'))
    mixed = [foreign if line.startswith(b'{"envelope"') else line for line in ours]
    assert _detected(tmp_path / "mixed.aims", _with_trailer(mixed))


def test_part_proves_that_the_log_continues_a_kept_checkpoint(
    store: SqlStore, tmp_path: Path
) -> None:
    note = store.status().checkpoint
    assert note is not None
    store.append_many([_evidence(i) for i in range(5, 12)])
    scope = Scope(subject=Subject.of_name("run:7").sha256)
    path = export_bundle(store, tmp_path / "part.aims", scope=scope, since=note).path
    kept = Checkpoint.parse(note)
    found = _verdict(path, kept=kept)
    assert found is not None
    assert found.good
    assert any("continues the checkpoint you kept" in sentence for sentence in found.holds)
    lines = _lines(path)
    at = next(i for i, line in enumerate(lines) if line.startswith(b'{"consistency"'))
    proof = json.loads(lines[at])
    silent = 0
    for i in range(len(proof["consistency"]["path"])):
        forged = json.loads(lines[at])
        forged["consistency"]["path"][i] = b64encode(bytes(32)).decode()
        attack = _with_trailer([*lines[:at], canonical(forged), *lines[at + 1 :]])
        silent += not _detected(tmp_path / "attack.aims", attack, kept=kept)
    print(f"consistency proof: {len(proof['consistency']['path'])} forged hashes, {silent} silent")
    assert silent == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"not a bundle\n",
        b'{"aims_bundle":2}\n',
        b'{"aims_bundle":1}\n',
        b'{"a":' * 100_000 + b"\n",
        b"\x00" * 5_000_000,
        b"\xff\xfe\n",
    ],
)
def test_file_that_is_no_bundle_is_refused_as_unreadable(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.aims"
    path.write_bytes(content)
    with pytest.raises(UnreadableError):
        verify(path, cores=1)


@pytest.mark.parametrize(
    "change",
    [
        {"place": "https://witness.example.org"},
        {"method": "rfc3161"},
        {"token": "AAAA"},
        {"place": None},
        {"twice": True},
    ],
)
def test_anchor_said_to_be_elsewhere_than_on_record_is_told(
    store: SqlStore, tmp_path: Path, change: dict[str, Any]
) -> None:
    """The line of an anchor is signed by nobody; the auditor is shown where it says it is."""
    anchor_to_file(store, tmp_path / "outside.checkpoint", actor="keeper")
    lines = _lines(export_bundle(store, tmp_path / "log.aims").path)
    assert not _detected(tmp_path / "same.aims", _with_trailer(lines))
    (at,) = [i for i, line in enumerate(lines) if line.startswith(b'{"anchor"')]
    told = json.loads(lines[at])["anchor"]
    if change.pop("twice", False):
        lines.insert(at, lines[at])
    told = {name: value for name, value in {**told, **change}.items() if value is not None}
    lines[at] = canonical({"anchor": told})
    assert _detected(tmp_path / "forged.aims", _with_trailer(lines))
