"""A false server against a client that holds the log's key (AIMS_LOG_KEY).

Each test is an attack, and none may show a record, a state or a proof, or make the gate allow.
"""

from __future__ import annotations

import copy
import json
import logging
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aims_mlops.cli.main import main
from aims_mlops.errors import AimsError, StoreError, VerificationError
from aims_mlops.evidence import clock
from aims_mlops.evidence.encoding.envelope import seal, sign, unseal
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.checkpoint import Checkpoint, origin_of, unverified_checkpoint
from aims_mlops.inventory.project import forget_stores
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.administration.key_rotation import rotate_key
from aims_mlops.store.disk.key_file import FileSigner
from aims_mlops.store.log.sql import SqlStore
from aims_mlops.store.opening import open_sql_store
from aims_mlops.store.remote.client import RemoteStore
from support.false_server import FalseServer
from support.world import World

NO_RECORDS: dict[str, Any] = {"checkpoint": None, "keys": [], "handovers": []}


def evidence(n: object, kind: str = "run", **body: object) -> Evidence:
    return Evidence(
        kind=kind,
        subjects=(Subject.of_name(f"run:{n}"),),
        body={"n": str(n), **body},
        actor="tester",
        claimed_at=clock.now(),
        system="loans",
        run=f"run-{n}",
    )


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def true_log(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/true/evidence.db")
    store.append_many([evidence(n) for n in range(10)])
    yield store
    store.close()


@pytest.fixture
def server(true_log: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    tokens = Tokens(tmp_path / "tokens.db")
    text, _ = tokens.create("reader", frozenset({"capture", "read"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    monkeypatch.setenv("AIMS_LOG_KEY", str(true_log.verifier_keys()[0]))
    running = FalseServer(true_log, tokens)
    yield running
    running.stop()


@pytest.fixture
def fresh(server: Any) -> Iterator[Callable[[], RemoteStore]]:
    """Makes clients as processes that begin now have them."""
    made: list[RemoteStore] = []

    def make() -> RemoteStore:
        made.append(RemoteStore(server.url))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def client(fresh: Callable[[], RemoteStore]) -> RemoteStore:
    return fresh()


def copy_of(store: SqlStore, folder: Path) -> SqlStore:
    """The log as it is now, with its key: what whoever takes the server over has."""
    path = store.database.path
    assert path is not None
    shutil.copytree(path.parent, folder)
    return open_sql_store(f"sqlite:///{folder}/evidence.db")


def nothing_is_believed(client: RemoteStore, record_id: str = "0" * 8) -> None:
    """Every way to read ends in a refusal, and none shows a record first."""
    ways: list[Callable[[], object]] = [
        lambda: list(client.find()),
        lambda: next(client.find(kind="run", limit=1)),
        lambda: list(client.find(newest_first=True, limit=3)),
        lambda: client.get(record_id),
        client.status,
        client.log_keys,
        client.verifier_keys,
        lambda: client.prove(0),
        client.erased,
    ]
    for way in ways:
        with pytest.raises(AimsError):
            way()


def test_true_server_is_believed(client: RemoteStore, true_log: SqlStore) -> None:
    here = list(client.find())
    assert here == list(true_log.find())
    assert client.get(here[3].id) == here[3]
    assert client.status().root == true_log.status().root
    assert not client.status().anchored
    assert client.prove(4) == true_log.prove(4)
    assert client.append(evidence("new")).sequence == 10
    assert len(list(client.find(newest_first=True))) == 11


def test_log_of_the_attacker_s_own_is_not_shown(
    client: RemoteStore, server: Any, tmp_path: Path
) -> None:
    forged = open_sql_store(f"sqlite:///{tmp_path}/forged/evidence.db")
    record = forged.append(evidence("forged"))
    server.serve(forged)
    nothing_is_believed(client, record.id)
    forged.close()


def test_log_under_the_true_id_and_another_key_is_not_shown(
    client: RemoteStore, server: Any, true_log: SqlStore, tmp_path: Path
) -> None:
    import sqlite3

    forged = open_sql_store(f"sqlite:///{tmp_path}/forged/evidence.db")
    with sqlite3.connect(tmp_path / "forged" / "evidence.db") as connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE aims_head SET log_id = ?", (true_log.log_id,))
    connection.close()
    record = forged.append(evidence("forged"))
    assert forged.status().log_id == true_log.log_id
    server.serve(forged)
    nothing_is_believed(client, record.id)
    forged.close()


def rewritten(item: dict[str, Any], change: Callable[[Any], bytes]) -> dict[str, Any]:
    """A record whose envelope is another, with id and leaf to match it."""
    envelope = change(unseal(item["envelope"].encode()))
    leaf = json.loads(item["leaf"])
    leaf["envelope"] = sha256(envelope).hexdigest()
    return {
        **item,
        "id": leaf["envelope"],
        "envelope": envelope.decode(),
        "leaf": json.dumps(leaf, sort_keys=True, separators=(",", ":")),
    }


def unsigned(envelope: Any) -> bytes:
    return seal(envelope.payload, ())


def by_a_stranger(envelope: Any) -> bytes:
    return seal(
        envelope.payload, (sign(envelope.payload, FileSigner(Ed25519PrivateKey.generate())),)
    )


def by_a_stranger_in_the_log_s_name(envelope: Any) -> bytes:
    (own, *_) = envelope.signatures
    forged = sign(envelope.payload, FileSigner(Ed25519PrivateKey.generate()))
    return seal(envelope.payload, (type(own)(own.key_id, forged.value),))


def of_another_statement(envelope: Any) -> bytes:
    return seal(
        envelope.payload.replace(b'"actor":"tester"', b'"actor":"forger"'), envelope.signatures
    )


@pytest.mark.parametrize(
    "change", [unsigned, by_a_stranger, by_a_stranger_in_the_log_s_name, of_another_statement]
)
def test_record_that_the_log_s_key_did_not_sign_is_not_shown(
    client: RemoteStore, server: Any, true_log: SqlStore, change: Callable[[Any], bytes]
) -> None:
    def lie(path: str, answer: Any) -> Any:
        if path.startswith("/v1/evidence"):
            if "records" in answer:
                answer["records"] = [rewritten(item, change) for item in answer["records"]]
            else:
                answer = rewritten(answer, change)
        return answer

    server.lie = lie
    for way in (
        lambda: list(client.find()),
        lambda: client.append(evidence("pushed")),
        lambda: client.get(next(true_log.find()).id),
    ):
        with pytest.raises(AimsError):
            way()


def test_record_that_stands_under_another_place_is_not_shown(
    client: RemoteStore, server: Any
) -> None:
    def lie(path: str, answer: Any) -> Any:
        if path == "/v1/evidence":
            first, second, *rest = answer["records"]
            leaf = json.loads(second["leaf"]) | {"sequence": 0}
            text = json.dumps(leaf, sort_keys=True, separators=(",", ":"))
            answer["records"] = [first | second | {"sequence": 0, "leaf": text}, *rest]
        return answer

    server.lie = lie
    with pytest.raises(AimsError):
        list(client.find())


@pytest.mark.parametrize(
    "swap",
    [
        lambda records: records[::-1],
        lambda records: [records[0], records[0], *records[1:]],
        lambda records: [records[1], records[0], *records[2:]],
    ],
    ids=["reversed", "twice", "swapped"],
)
@pytest.mark.parametrize("pinned", [True, False])
def test_page_out_of_order_is_not_shown(
    client: RemoteStore,
    server: Any,
    monkeypatch: pytest.MonkeyPatch,
    swap: Callable[[Any], Any],
    pinned: bool,
) -> None:
    if not pinned:
        monkeypatch.delenv("AIMS_LOG_KEY")
    server.lie = lambda path, answer: (
        answer | {"records": swap(answer["records"])} if path == "/v1/evidence" else answer
    )
    with pytest.raises(VerificationError, match="asked for"):
        list(client.find())


@pytest.mark.parametrize(
    "question", [{"kind": "approval"}, {"system": "x"}, {"run": "x"}, {"subject": "0" * 64}]
)
def test_true_record_in_answer_to_another_question_is_not_shown(
    client: RemoteStore, server: Any, true_log: SqlStore, question: dict[str, str]
) -> None:
    from aims_mlops.server.answers import record_answer

    records = [record_answer(record) for record in true_log.find()]
    server.lie = lambda path, answer: (
        {"records": records, "next": None} if path == "/v1/evidence" else answer
    )
    with pytest.raises(VerificationError, match="asked for"):
        list(client.find(**question))  # type: ignore[arg-type]


@pytest.mark.parametrize("following", [0, 3, 10**6, True, "x"])
def test_page_that_leads_astray_ends_the_search(
    client: RemoteStore, server: Any, following: object
) -> None:
    server.lie = lambda path, answer: (
        answer | {"next": following} if path == "/v1/evidence" else answer
    )
    with pytest.raises(VerificationError, match="next one"):
        list(client.find())
    server.lie = lambda path, answer: (
        {"records": [], "next": following} if path == "/v1/evidence" else answer
    )
    with pytest.raises(VerificationError, match="next one"):
        list(client.find())


def test_log_that_shrank_since_an_earlier_process_is_not_believed(
    fresh: Callable[[], RemoteStore],
    client: RemoteStore,
    server: Any,
    true_log: SqlStore,
    tmp_path: Path,
) -> None:
    earlier = copy_of(true_log, tmp_path / "earlier")
    true_log.append(evidence("revocation"))
    assert len(list(client.find())) == 11
    server.serve(earlier)
    for again in (client, fresh()):  # this process, and one that begins now
        with pytest.raises(VerificationError, match="shrank"):
            again.status()
        with pytest.raises(VerificationError, match="shrank"):
            list(again.find())
    with pytest.raises(StoreError, match="not believable"):
        client.append(evidence("pushed"))
    earlier.close()


def test_fork_signed_by_the_true_key_is_not_believed(
    fresh: Callable[[], RemoteStore],
    client: RemoteStore,
    server: Any,
    true_log: SqlStore,
    tmp_path: Path,
) -> None:
    fork = copy_of(true_log, tmp_path / "fork")
    true_log.append(evidence("what really happened"))
    client.status()
    fork.append_many([evidence("what is shown instead"), evidence("and more")])
    server.serve(fork)
    for again in (client, fresh()):
        with pytest.raises(AimsError):
            again.status()
        with pytest.raises(AimsError):
            list(again.find(since=10))
    fork.close()


def test_empty_log_after_a_full_one_is_not_believed(
    fresh: Callable[[], RemoteStore], client: RemoteStore, server: Any
) -> None:
    client.status()
    server.lie = lambda path, answer: (
        answer | {"checkpoint": None, "keys": [], "handovers": []}
        if path == "/v1/trust"
        else answer
    )
    with pytest.raises(VerificationError, match="empty"):
        fresh().status()
    with pytest.raises(VerificationError, match="empty"):
        client.status()


def test_log_without_a_checkpoint_shows_no_record(client: RemoteStore, server: Any) -> None:
    server.lie = lambda path, answer: (
        answer | {"checkpoint": None, "keys": [], "handovers": []}
        if path == "/v1/trust"
        else answer
    )
    with pytest.raises(VerificationError, match="log of 0 records"):
        list(client.find())


def test_log_that_is_called_anchored_and_is_not_is_unanchored(
    client: RemoteStore, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.lie = lambda path, answer: (
        answer | {"anchored": True, "size": 10**6} if path == "/v1/log" else answer
    )
    status = client.status()
    assert (status.anchored, status.size) == (False, 10)


def test_checkpoint_of_another_size_or_root_is_not_shown(client: RemoteStore, server: Any) -> None:
    server.lie = lambda path, answer: (
        answer | {"checkpoint": answer["checkpoint"].replace("\n10\n", "\n11\n")}
        if path == "/v1/trust"
        else answer
    )
    nothing_is_believed(client)


def test_handover_is_followed_and_told(
    fresh: Callable[[], RemoteStore],
    client: RemoteStore,
    server: Any,
    true_log: SqlStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert len(list(client.find())) == 10
    first = true_log.verifier_keys()[0]
    rotate_key(true_log, actor="ops")
    with caplog.at_level(logging.WARNING, "aims_mlops.store"):
        assert client.append(evidence("after")).sequence == 11
        assert len(list(client.find())) == 12
        rotate_key(true_log, actor="ops")
        assert len(list(fresh().find())) == 13
    newest = true_log.verifier_keys()[-1]
    assert str(newest) in caplog.text
    assert client.verifier_keys()[0] == first
    assert client.status().checkpoint == true_log.status().checkpoint


def test_key_in_the_middle_is_followed_from_a_head_that_it_signed(
    fresh: Callable[[], RemoteStore],
    server: Any,
    true_log: SqlStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rotate_key(true_log, actor="ops")
    true_log.append(evidence("by the second key"))
    monkeypatch.setenv("AIMS_LOG_KEY", str(true_log.verifier_keys()[1]))
    assert len(list(fresh().find())) == 12
    rotate_key(true_log, actor="ops")
    true_log.append(evidence("by the third key"))
    assert len(list(fresh().find())) == 14


def test_client_that_only_pushes_follows_a_handover(
    fresh: Callable[[], RemoteStore],
    server: Any,
    true_log: SqlStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, _ = Tokens(tmp_path / "tokens.db").create("ci", frozenset({"capture"}), days=1)
    monkeypatch.setenv("AIMS_TOKEN", text)
    client = fresh()
    assert client.append(evidence("before")).sequence == 10
    rotate_key(true_log, actor="ops")
    assert client.append(evidence("after")).sequence == 12
    client.close()


def test_handover_to_the_attacker_s_key_is_not_followed(
    fresh: Callable[[], RemoteStore],
    client: RemoteStore,
    server: Any,
    true_log: SqlStore,
    tmp_path: Path,
) -> None:
    """The true log as it is, then records under a key that no true key handed over to."""
    client.status()
    fork = copy_of(true_log, tmp_path / "fork")
    mine = FileSigner(Ed25519PrivateKey.generate())
    head = unverified_checkpoint(fork.status().checkpoint or "")
    note = Checkpoint(origin_of(fork.log_id), head.size, head.root).sign(mine)

    def lie(path: str, answer: Any) -> Any:
        if path == "/v1/trust":
            key = {"valid_from": 10, "public": b64encode(mine.public).decode()}
            answer = answer | {"checkpoint": note, "keys": [*answer["keys"], key]}
        return answer

    server.lie = lie
    for again in (client, fresh()):
        with pytest.raises(VerificationError):
            again.status()
        with pytest.raises(AimsError):
            again.append(evidence("pushed"))
    fork.close()


@pytest.mark.parametrize("part", ["handovers", "keys"])
def test_handover_that_is_kept_back_is_not_followed(
    fresh: Callable[[], RemoteStore], server: Any, true_log: SqlStore, part: str
) -> None:
    rotate_key(true_log, actor="ops")
    true_log.append(evidence("after"))
    server.lie = lambda path, answer: (
        answer | {part: answer[part][:-1]} if path == "/v1/trust" else answer
    )
    nothing_is_believed(fresh())


def test_push_into_another_log_leaves_the_evidence_with_the_client(
    client: RemoteStore, server: Any, tmp_path: Path
) -> None:
    forged = open_sql_store(f"sqlite:///{tmp_path}/forged/evidence.db")
    server.serve(forged)
    with pytest.raises(StoreError, match="not believable"):
        client.append(evidence("pushed"))
    forged.close()


def test_push_that_only_seems_to_be_stored_is_not_believed(
    client: RemoteStore, server: Any, tmp_path: Path, true_log: SqlStore
) -> None:
    """The answer is right in itself, made by a copy with the true key; the log never got it."""
    client.status()
    fork = copy_of(true_log, tmp_path / "fork")
    true_log.append(evidence("meanwhile"))
    client.status()
    server.serve(fork)
    with pytest.raises(StoreError, match="not believable"):
        client.append(evidence("pushed"))
    fork.close()


def test_damaged_memory_of_the_log_is_told_and_not_passed_over(
    fresh: Callable[[], RemoteStore], client: RemoteStore, server: Any, own_state: Path
) -> None:
    client.status()
    (kept,) = (own_state / "aims-mlops" / "seen").glob("*.json")
    for content in (b"", b"{}", b"null", b'{"seen":"x","kept":null}', b"\xff"):
        kept.write_bytes(content)
        with pytest.raises(VerificationError, match="damaged"):
            fresh().status()


def test_unwritable_state_folder_only_shortens_the_memory(
    client: RemoteStore, own_state: Path, server: Any, true_log: SqlStore, tmp_path: Path
) -> None:
    own_state.write_text("a file where a folder should be")
    earlier = copy_of(true_log, tmp_path / "earlier")
    true_log.append(evidence("more"))
    assert client.status().size == 11
    server.serve(earlier)
    with pytest.raises(VerificationError, match="shrank"):
        client.status()
    earlier.close()


WORDS = st.sampled_from(
    ["", "x", "0" * 64, None, True, -1, 0, 10, 2**60, 1.5, [], {}, ["x"], {"a": 1}]
)


def test_any_odd_answer_is_refused_and_never_shown(
    fresh: Callable[[], RemoteStore], client: RemoteStore, server: Any
) -> None:
    """One value anywhere in any answer is another; what is shown all the same is the truth."""
    truth = list(client.find())

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def lies(data: st.DataObject) -> None:
        def lie(path: str, answer: Any) -> Any:
            answer = copy.deepcopy(answer)
            node, place = answer, None
            while isinstance(node, (dict, list)) and node:
                keys = list(node) if isinstance(node, dict) else range(len(node))
                parent, place = node, data.draw(st.sampled_from(list(keys)))
                node = parent[place]
                if data.draw(st.booleans()):
                    break
            if place is not None:
                parent[place] = data.draw(WORDS)
            return answer

        server.lie = lie
        again = fresh()
        try:
            found = list(again.find())
        except AimsError:
            found = truth
        assert all(record in truth for record in found)
        try:
            status = again.status()
        except AimsError:
            return
        finally:
            again.close()
        assert status.size == len(truth)

    lies()


@pytest.mark.parametrize(
    "arguments",
    [
        ["evidence", "list"],
        ["evidence", "list", "--json"],
        ["evidence", "show", "{id}"],
        ["status"],
        ["report", "coverage"],
        ["nonconformity", "list"],
        ["history", "loans"],
    ],
    ids=" ".join,
)
def test_no_command_shows_what_the_log_s_key_did_not_sign(
    server: Any,
    true_log: SqlStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    forged = open_sql_store(f"sqlite:///{tmp_path}/forged/evidence.db")
    record = forged.append(evidence("FORGED", "nonconformity", what="FORGED", state="open"))
    server.serve(forged)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_STORE_URL", server.url)
    with pytest.raises(SystemExit) as ended:
        main([argument.replace("{id}", record.id) for argument in arguments])
    assert ended.value.code == 2
    out = capsys.readouterr()
    assert "FORGED" not in out.out + out.err
    assert record.id[:12] not in out.out
    forget_stores()
    forged.close()


def test_gate_does_not_allow_on_what_the_log_s_key_did_not_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole false world, in which the model is assessed and approved, under another key."""
    behind = open_sql_store(f"sqlite:///{tmp_path}/world/evidence.db")
    tokens = Tokens(tmp_path / "tokens.db")
    for scopes, actor, name in (
        ({"operate", "read"}, None, "pipeline"),
        ({"approve", "capture", "read"}, "bo", "bo"),
    ):
        text, _ = tokens.create(name, frozenset(scopes), days=1, actor=actor)  # type: ignore[arg-type]
        monkeypatch.setenv(f"TOKEN_{name.upper()}", text)
    running = FalseServer(behind, tokens)
    monkeypatch.setenv("AIMS_STORE_URL", f"sqlite:///{tmp_path}/world/evidence.db")
    monkeypatch.setenv("AIMS_PLUGINS", "")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    import os

    monkeypatch.setenv("AIMS_TOKEN", os.environ["TOKEN_PIPELINE"])
    world = World(tmp_path / "project")
    forget_stores()
    monkeypatch.setenv("AIMS_STORE_URL", running.url)
    model = world.train()
    world.submit(model)
    monkeypatch.setenv("AIMS_TOKEN", os.environ["TOKEN_BO"])
    world.approve(model)
    monkeypatch.setenv("AIMS_TOKEN", os.environ["TOKEN_PIPELINE"])
    assert world.gate(model).allowed  # nothing is pinned

    monkeypatch.setenv("AIMS_LOG_KEY", str(behind.verifier_keys()[0]))
    assert world.gate(model).allowed  # the true key
    signed = running.lie

    def lie(path: str, answer: Any) -> Any:
        if path == "/v1/evidence" and "records" in answer:
            answer["records"] = [rewritten(item, unsigned) for item in answer["records"]]
        return answer

    running.lie = lie
    decision = world.gate(model)
    assert decision.verdict == "undecided"
    assert not decision.allowed
    running.lie = signed
    other = open_sql_store(f"sqlite:///{tmp_path}/other/evidence.db")
    other.append(evidence("x"))
    monkeypatch.setenv("AIMS_LOG_KEY", str(other.verifier_keys()[0]))
    assert world.gate(model).verdict == "undecided"
    forget_stores()
    running.stop()
    other.close()
    behind.close()
