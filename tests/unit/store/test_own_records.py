"""What the log writes about itself follows the published schemas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from aims_mlops.evidence import clock
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.schemas import schema_of
from aims_mlops.store.administration.anchors import anchor_to_file
from aims_mlops.store.administration.clock_change import record_clock_change
from aims_mlops.store.administration.erasure import erase, place_hold, prune, release_hold
from aims_mlops.store.administration.key_rotation import list_keys, revoke_key, rotate_key
from aims_mlops.store.opening import open_sql_store

ME = "tester@example.org"


def test_records_of_the_log_itself_follow_their_schemas(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    store = open_sql_store(f"sqlite:///{tmp_path / 'log' / 'evidence.db'}")
    plain = store.put_blob(b"old", media_type="text/plain")
    blob = {"sha256": plain.sha256, "size": 3, "media_type": "text/plain"}
    store.append(
        Evidence(
            kind="model-card",
            subjects=(Subject.of_name("m"),),
            body={"markdown": blob},
            actor=ME,
            claimed_at=clock.now(),
        )
    )
    reference = store.put_blob(b"x", media_type="text/plain", personal=True)
    hold = place_hold(store, [reference.sha256], actor=ME, reason="case")
    release_hold(store, hold.id, actor=ME, reason="closed")
    erase(store, reference.sha256, actor=ME, reason="request")
    prune(store, older_than=timedelta(0), actor=ME)
    anchor_to_file(store, tmp_path / "checkpoint", actor=ME)
    rotate_key(store, actor=ME)
    revoke_key(store, list_keys(store)[0].key_id, since=1, actor=ME, reason="lost")
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=2), tick=False):
        record_clock_change(store, actor=ME, reason="the clock was two hours ahead")
    kinds = []
    for record in store.find(since=1):
        schema = schema_of(record.evidence.kind, record.evidence.version)
        assert schema is not None
        jsonschema.Draft202012Validator(schema).validate(dict(record.evidence.body))
        kinds.append(record.evidence.kind)
    assert kinds == [
        "hold",
        "hold-release",
        "erasure",
        "retention",
        "anchor",
        "key-rotation",
        "key-revocation",
        "clock-change",
    ]
    store.close()
