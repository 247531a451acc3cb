"""Bundles beside bare signature checks, pushes beside local appends, and memory. Run alone."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.encoding.envelope import seal, sign
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, origin_of
from aims_mlops.evidence.transparency.leaf import Leaf
from aims_mlops.evidence.transparency.merkle import grow, leaf_hash, root_of
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.disk.key_file import FileSigner
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.remote.client import RemoteStore
from aims_verify.verify import verify

pytestmark = pytest.mark.benchmark
NOW = "2026-11-21T09:00:00.000000Z"
CORES = os.cpu_count() or 1


def _evidence(number: int) -> Evidence:
    """About 2 KB as a statement."""
    return Evidence(
        kind="run",
        subjects=(Subject.of_name(f"run:{number}"),),
        body={"number": number, "pad": "x" * 1500},
        actor="bench",
        claimed_at=NOW,
    )


def _write_bundle(path: Path, count: int) -> None:
    """A whole log as a bundle, without the time that a store takes."""
    signer, log = FileSigner(Ed25519PrivateKey.generate()), "0" * 32
    frontier: list[bytes] = []
    lines: list[bytes] = []
    for i in range(count):
        evidence = _evidence(i)
        payload = canonical(evidence.to_statement())
        envelope = seal(payload, [sign(payload, signer)])
        leaf = Leaf(
            log=log,
            sequence=i,
            kind="run",
            version=1,
            envelope=hashlib.sha256(envelope).hexdigest(),
            subjects=[evidence.subjects[0].sha256],
            blobs=[],
            actor="bench",
            key=hashlib.sha256(payload).hexdigest(),
            claimed_at=NOW,
            received_at=NOW,
        ).to_bytes()
        grow(frontier, i, leaf_hash(leaf))
        lines.append(b'{"envelope":%b,"leaf":%b}\n' % (envelope, leaf))
    header = {
        "aims_bundle": 1,
        "checkpoint": Checkpoint(origin_of(log), count, root_of(frontier)).sign(signer),
        "keys": [{"public": b64encode(signer.public).decode(), "valid_from": 0}],
        "log": log,
        "scope": None,
        "written_at": NOW,
        "written_by": "benchmark",
    }
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for line in (canonical(header) + b"\n", *lines):
            digest.update(line)
            file.write(line)
        end = b'{"end":{"lines":%d,"sha256":"%b"}}\n' % (count + 1, digest.hexdigest().encode())
        file.write(end)


def _check_bare(count: int) -> None:
    private = Ed25519PrivateKey.generate()
    message = b"x" * 2000
    signature, public = private.sign(message), private.public_key()
    for _ in range(count):
        public.verify(signature, message)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def test_bundle_is_verified_in_little_more_than_its_signatures_take(
    tmp_path: Path, figures: Any
) -> None:
    count = 20_000
    path = tmp_path / "bundle.aims"
    _write_bundle(path, count)

    def bare() -> None:
        with multiprocessing.get_context("spawn").Pool(CORES) as pool:
            pool.map(_check_bare, [count // CORES] * CORES)

    theirs = min(_seconds(bare) for _ in range(2))
    ours = min(_seconds(lambda: verify(path)) for _ in range(2))
    assert verify(path).good
    print(
        f"{count} records on {CORES} cores: {ours:.2f} s, bare Ed25519 {theirs:.2f} s, "
        f"ratio {ours / theirs:.2f}"
    )
    figures.at_most("bundle: verifying / bare signatures", ours / theirs, 2)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_memory_of_verification_does_not_grow_with_the_records(
    tmp_path: Path, figures: Any
) -> None:
    peaks = {}
    for count in (2_000, 20_000):
        path = tmp_path / f"{count}.aims"
        _write_bundle(path, count)
        code = (
            "import re, sys; from pathlib import Path; from aims_verify.verify import verify;"
            "assert verify(Path(sys.argv[1]), cores=1).good;"
            # Not getrusage: its peak is inherited from the process that started this one.
            "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        peaks[count] = int(done.stdout)
    small, large = peaks.values()
    print(f"peak of verification: {small // 1024} MB for 2,000, {large // 1024} MB for 20,000")
    figures.at_most("bundle: memory, large / small", large / small, 1.2)


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteStore]:
    tokens = Tokens(tmp_path / "tokens.db")
    text, _ = tokens.create("bench", frozenset({"capture", "read"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "aims_mlops", "serve", "--port", "0"),
            *("--store", f"sqlite:///{tmp_path}/server/evidence.db"),
            *("--tokens", str(tokens.path)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    store = RemoteStore(server.stdout.readline().rpartition(" at ")[2].strip())
    yield store
    store.close()
    server.terminate()
    server.wait(20)
    server.stdout.close()


def test_push_takes_a_small_multiple_of_a_local_append(
    remote: RemoteStore, tmp_path: Path, figures: Any
) -> None:
    count, batch = 5_000, 500
    everything = [_evidence(i) for i in range(count)]
    parts = [everything[i : i + batch] for i in range(0, count, batch)]
    local = open_sql_store(f"sqlite:///{tmp_path}/local/evidence.db")
    here = _seconds(lambda: [local.append_many(part) for part in parts])
    local.close()
    there = _seconds(lambda: [remote.append_many(part) for part in parts])
    assert remote.status().size == count
    print(
        f"{count} records in batches of {batch}: {there:.2f} s pushed with proofs checked "
        f"({count / there:.0f}/s), {here:.2f} s appended here, ratio {there / here:.1f}"
    )
    figures.at_most("push: over HTTP / local", there / here, 6)
