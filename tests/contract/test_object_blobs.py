"""Blobs in object stores: a real S3 server on this machine, and fsspec's own file systems."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.errors import (
    EvidenceNotFoundError,
    InputError,
    MissingExtraError,
    StoreUnavailableError,
    VerificationError,
)
from aims_mlops.store.blobs.guarantees import open_blobs, read_requirements, require
from aims_mlops.store.blobs.objects import ObjectBlobs
from aims_mlops.store.opening import open_sql_store

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/moto-api/", timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, "the S3 server did not start"
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def s3(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that makes buckets; the library reads the same settings as a user's would."""
    import boto3

    settings = {
        "AWS_ENDPOINT_URL": s3_address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",  # of the test server, which takes any
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3")


@pytest.fixture
def plain(s3: Any, request: pytest.FixtureRequest) -> str:
    name = f"plain-{abs(hash(request.node.name)):x}"
    s3.create_bucket(Bucket=name)
    return f"s3://{name}/aims"


@pytest.fixture
def locked(s3: Any, request: pytest.FixtureRequest) -> str:
    """A bucket under Object Lock: nobody deletes a version for a day."""
    name = f"locked-{abs(hash(request.node.name)):x}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket=name,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    return f"s3://{name}/aims"


def test_blob_comes_back_and_is_checked_on_every_read(plain: str) -> None:
    blobs = open_blobs(plain)
    name = blobs.put(b"a model card")
    assert blobs.exists(name)
    assert blobs.get(name) == b"a model card"
    assert isinstance(blobs, ObjectBlobs)
    blobs.files.pipe_file(f"{blobs.root}/{name[:2]}/{name}", b"another card")
    with pytest.raises(VerificationError, match="not what was stored"):
        blobs.get(name)


def test_deleted_blob_is_not_found(plain: str) -> None:
    blobs = open_blobs(plain)
    name = blobs.put(b"short-lived")
    assert blobs.delete(name)
    assert not blobs.exists(name)
    with pytest.raises(EvidenceNotFoundError, match=name[:16]):
        blobs.get(name)


@pytest.mark.parametrize("required", ["put-if-absent", "write-once"])
def test_bucket_that_is_not_there_is_said_and_not_made(s3: Any, required: str) -> None:
    with pytest.raises(StoreUnavailableError, match="s3://no-such-bucket-here/x is not there"):
        open_blobs("s3://no-such-bucket-here/x").put(b"something")
    with pytest.raises(StoreUnavailableError, match="s3://no-such-bucket-here/x is not there"):
        open_blobs("s3://no-such-bucket-here/x", required=[required])
    assert "no-such-bucket-here" not in str(s3.list_buckets()["Buckets"])


def test_s3_refuses_a_second_write_where_that_is_required(plain: str) -> None:
    blobs = open_blobs(plain, required=["put-if-absent"])
    name = blobs.put(b"once")
    assert blobs.put(b"once") == name
    assert blobs.get(name) == b"once"


def test_damaged_blob_is_not_taken_for_stored_where_nothing_may_be_replaced(plain: str) -> None:
    blobs = open_blobs(plain, required=["put-if-absent"])
    name = blobs.put(b"once")
    assert isinstance(blobs, ObjectBlobs)
    blobs.files.pipe_file(f"{blobs.root}/{name[:2]}/{name}", b"damaged")
    with pytest.raises(VerificationError):
        blobs.put(b"once")


def test_start_is_refused_where_write_once_is_required_of_a_plain_bucket(plain: str) -> None:
    with pytest.raises(StoreUnavailableError, match="lacks write-once"):
        open_blobs(plain, required=["write-once"])


def test_bucket_under_object_lock_is_write_once(locked: str) -> None:
    blobs = open_blobs(locked, required=["write-once", "put-if-absent"])
    assert blobs.get(blobs.put(b"kept")) == b"kept"


@pytest.mark.parametrize("guarantee", ["put-if-absent", "write-once"])
def test_start_is_refused_where_a_file_system_lacks_it(guarantee: str) -> None:
    with pytest.raises(StoreUnavailableError, match=f"lacks {guarantee}"):
        open_blobs(_rewritable(), required=[guarantee])


def _rewritable() -> str:
    """A file system that takes every write, without a condition on the server's side."""
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    class Rewritable(MemoryFileSystem):
        protocol = "rewritable"
        pipe_file = fsspec.AbstractFileSystem.pipe_file

    fsspec.register_implementation("rewritable", Rewritable, clobber=True)
    return "rewritable://blobs"


def test_memory_has_put_if_absent_and_is_not_write_once() -> None:
    require(open_blobs("memory://blobs"), ["put-if-absent"])
    with pytest.raises(StoreUnavailableError, match="lacks write-once"):
        open_blobs("memory://blobs", required=["write-once"])


def test_folder_has_put_if_absent_and_is_not_write_once(tmp_path: Path) -> None:
    open_blobs(tmp_path, required=["put-if-absent"])
    with pytest.raises(StoreUnavailableError, match="lacks write-once"):
        open_blobs(f"file://{tmp_path}", required=["write-once"])


def test_log_does_not_open_over_blobs_that_lack_what_is_required(
    tmp_path: Path, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/log/evidence.db"
    monkeypatch.setenv("AIMS_BLOBS", plain)
    monkeypatch.setenv("AIMS_BLOBS_REQUIRE", "put-if-absent, write-once")
    with pytest.raises(StoreUnavailableError, match="AIMS_BLOBS_REQUIRE"):
        open_sql_store(url)
    monkeypatch.setenv("AIMS_BLOBS_REQUIRE", "put-if-absent")
    store = open_sql_store(url)
    reference = store.put_blob(b"a plot", media_type="image/svg+xml")
    assert store.get_blob(reference.sha256) == b"a plot"
    store.close()


def test_requirement_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="'put-once'"):
        read_requirements("write-once,put-once")


def test_scheme_without_its_library_names_what_is_missing() -> None:
    with pytest.raises((MissingExtraError, InputError)):
        open_blobs("nowhere://bucket/x")
