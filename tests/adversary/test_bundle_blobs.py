"""Content that is swapped for other bytes under the same name, in a bundle and in the store."""

import hashlib
import json
from base64 import b64decode, b64encode

import pytest

from aims_mlops.errors import VerificationError
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.store.bundle.export import export_bundle
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.verify.verify import verify_store
from aims_verify.verify import verify

PERSONAL = b"what a person said"


@pytest.fixture
def store(tmp_path):
    opened = open_sql_store(f"sqlite:///{tmp_path}/evidence.db")
    blob = opened.put_blob(PERSONAL, media_type="text/plain", personal=True)
    reference = {"sha256": blob.sha256, "size": blob.size, "media_type": blob.media_type}
    opened.append(
        Evidence(
            kind="run",
            subjects=(Subject.of_name("run:1"),),
            body={"said": reference},
            actor="ana",
            claimed_at="2026-11-21T09:00:00.000000Z",
        )
    )
    yield opened, blob.sha256
    opened.close()


def inner_block(salt):
    """What the outer hash of HMAC-SHA256 goes over: its digest is the HMAC."""
    padded = salt.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in padded) + PERSONAL).digest()
    return bytes(b ^ 0x5C for b in padded) + inner


def test_personal_content_replaced_by_the_inner_block_of_its_commitment_is_told(store, tmp_path):
    path = export_bundle(store[0], tmp_path / "log.aims", personal=True).path
    assert verify(path, cores=1).good
    lines = path.read_bytes().split(b"\n")[:-2]
    for number, line in enumerate(lines):
        found = json.loads(line)
        if "blob" in found:
            block = inner_block(b64decode(found["blob"].pop("salt")))
            assert hashlib.sha256(block).hexdigest() == store[1]
            found["blob"]["data"] = b64encode(block).decode()
            lines[number] = json.dumps(found, separators=(",", ":"), sort_keys=True).encode()
    body = b"".join(line + b"\n" for line in lines)
    digest = hashlib.sha256(body).hexdigest().encode()
    path.write_bytes(body + b'{"end":{"lines":%d,"sha256":"%b"}}\n' % (len(lines), digest))
    findings = verify(path, cores=1)
    assert not findings.good
    assert any("size" in str(failure) for failure in findings.failures())


def test_inner_block_laid_under_the_commitments_own_name_is_not_given_out(store):
    opened, name = store
    secrets = opened.secrets_of(name)
    assert opened.blobs.put(inner_block(secrets.salt)) == name
    try:
        assert opened.get_blob(name) == PERSONAL
    except VerificationError:
        pytest.fail("the true content is still there")


@pytest.mark.parametrize("size", [3, 99, "14", None, 14.5])
def test_record_that_gives_a_blob_another_size_fails_in_both_verifiers(store, tmp_path, size):
    """Also where another record of the same blob gives the true one."""
    opened, _ = store
    blob = opened.put_blob(b"a drift report", media_type="text/html")
    for given in (blob.size, size):
        reference = {"sha256": blob.sha256, "size": given, "media_type": "text/html"}
        opened.append(
            Evidence(
                kind="run",
                subjects=(Subject.of_name(f"run:{given}"),),
                body={"report": reference},
                actor="ana",
                claimed_at="2026-11-21T09:00:00.000000Z",
            )
        )
    (failure,) = verify_store(opened).failures
    assert "record 2: " in failure
    assert "size" in failure
    path = export_bundle(opened, tmp_path / "log.aims", personal=True).path
    assert any("size" in str(f) for f in verify(path, cores=1).failures())
