"""Registers over HTTP: each person with a token of their own, the log on the server."""

from __future__ import annotations

import pytest

from aims_mlops.errors import AimsError, StoreError
from aims_mlops.inventory.project import forget_stores
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.opening import open_sql_store
from support.evidence_server import Server
from support.registers import Organisation


@pytest.fixture
def remote(tmp_path, monkeypatch):
    monkeypatch.setenv("AIMS_KEYS", str(tmp_path / "keys"))
    local = f"sqlite:///{tmp_path}/server/evidence.db"
    store = open_sql_store(local)
    tokens = Tokens(tmp_path / "tokens.db")
    server = Server(store, tokens)
    monkeypatch.setenv("AIMS_STORE_URL", local)
    organisation = Organisation(tmp_path).set_up()
    forget_stores()
    monkeypatch.setenv("AIMS_STORE_URL", server.url)

    def become(person, *scopes):
        forget_stores()
        text, _ = tokens.create(str(person), frozenset(scopes), days=1, actor=person)
        monkeypatch.setenv("AIMS_TOKEN", text)
        return organisation

    yield become
    forget_stores()
    server.stop()
    store.close()


def test_entries_are_written_signed_and_read_over_http(remote):
    remote("ana", "operate", "read").add("risk")
    remote("bo", "approve", "read", "capture").approve("R-1", by="bo")
    entry = remote("di", "read").entry("R-1")
    assert (entry.state, entry.approved_by) == ("accepted", "bo")


def test_token_of_a_training_pipeline_writes_no_register(remote):
    with pytest.raises(StoreError, match="needs scope operate"):
        remote("ana", "capture", "read").add("risk")


def test_token_of_one_person_signs_for_no_other(remote):
    remote("ana", "operate", "read").add("risk")
    with pytest.raises(StoreError, match="belongs to another actor"):
        remote("ana", "approve", "read", "capture").approve("R-1", by="bo")


def test_anonymous_concern_is_not_sent_in_the_name_of_a_person(remote):
    with pytest.raises(AimsError):
        remote("ana", "operate", "read").add("concern")
    record = remote(None, "operate", "read").add("concern")
    assert record.evidence.actor == "anonymous"
