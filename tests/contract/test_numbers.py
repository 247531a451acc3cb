"""One rule for numbers at every door: what is evidence comes back as it went in."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.bundle.export import export_bundle
from aims_mlops.store.disk.spool import drain, pending, set_aside, spool_batch
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.remote.client import RemoteStore
from aims_mlops.store.verify.verify import verify_store
from aims_verify.verify import verify
from support.evidence_server import Server

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=2**53, max_value=1e22),
    st.floats(min_value=-1e22, max_value=-(2**53)),
    st.integers(15, 25).map(lambda power: float(10**power)),
    st.integers(-(2**53) + 1, 2**53 - 1),
)
BODIES = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=3), max_leaves=6),
    min_size=1,
    max_size=4,
)


def statement(body: dict[str, Any]) -> Evidence:
    blob = {"sha256": sha256(b"x").hexdigest(), "size": 1, "media_type": "text/plain"}
    return Evidence(
        kind="parameters",
        subjects=(Subject.of_name("run:numbers"),),
        body={"parameters": body, "beside": blob},
        actor="tester",
        claimed_at=clock.now(),
    )


def test_any_number_comes_back_through_every_door(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = open_sql_store(store_url, blobs=str(tmp_path / "b"), keys=tmp_path / "k")
    behind.put_blob(b"x", media_type="text/plain")
    tokens = Tokens(tmp_path / "tokens.db")
    text, _ = tokens.create("numbers", frozenset({"capture", "read"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    server = Server(behind, tokens)
    remote = RemoteStore(server.url)
    spooling = tmp_path / "project"

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(BODIES)
    def through_every_door(body: dict[str, Any]) -> None:
        given = statement(body)
        payload = canonical(given.to_statement())
        spool_batch(spooling, [given])
        (spooled,) = drain(spooling, remote)
        pushed = remote.append(given)
        local = behind.append(given)
        assert spooled.id == pushed.id == local.id
        for record in (spooled, local, remote.get(local.id), behind.get(local.id)):
            assert record.evidence.body == given.body
            assert canonical(record.evidence.to_statement()) == payload

    through_every_door()
    assert pending(spooling) == set_aside(spooling) == []
    assert verify_store(behind).ok
    assert verify(export_bundle(remote, tmp_path / "b.aims").path, cores=1).good
    remote.close()
    server.stop()
    behind.close()
