"""What the server takes, refuses and answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from aims_mlops.evidence.clock import now
from aims_mlops.evidence.kinds import LOG_KINDS
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.transparency.checkpoint import check_proof
from aims_mlops.server.body import MAX_BODY
from aims_mlops.server.tokens import Tokens
from aims_mlops.store.log.sql import SqlStore

Make = Callable[..., Any]
Statement = Callable[..., dict[str, Any]]


def _push(client: Any, *items: dict[str, Any]) -> Any:
    return client.post("/v1/evidence", json={"batch": list(items)})


def _problem(answer: Any, status: int, name: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:aims-mlops:problem:{name}"
    assert found["status"] == status
    return found


def test_push_gives_sequence_time_and_a_proof(
    client: Make, statement: Statement, store: SqlStore
) -> None:
    capture = client("capture", "read")
    answer = _push(capture, *({"statement": statement(i)} for i in range(3)))
    assert answer.status_code == 200
    records = answer.json()["records"]
    assert [r["sequence"] for r in records] == [0, 1, 2]
    assert records[0]["received_at"] != "2026-11-21T09:00:00.000000Z"
    proof = capture.get(f"/v1/evidence/{records[1]['id']}/proof").text
    leaf = records[1]["leaf"].encode()
    assert check_proof(proof, leaf, store.verifier_keys())[0] == 1


def test_same_push_twice_is_the_same_record(
    client: Make, statement: Statement, store: SqlStore
) -> None:
    capture = client("capture")
    item = {"statement": statement(1), "key": "run-1"}
    first, second = _push(capture, item).json(), _push(capture, item).json()
    assert first["records"][0]["id"] == second["records"][0]["id"]
    assert store.status().size == 1


def test_same_key_with_another_body_is_a_conflict_and_stores_nothing(
    client: Make, statement: Statement, store: SqlStore
) -> None:
    capture = client("capture")
    _push(capture, {"statement": statement(1), "key": "k"})
    answer = _push(capture, {"statement": statement(2)}, {"statement": statement(3), "key": "k"})
    _problem(answer, 409, "conflict")
    assert store.status().size == 1


def test_unknown_version_is_stored_as_it_came_and_shown_as_unknown(
    client: Make, statement: Statement
) -> None:
    both = client("capture", "read")
    strange = statement(1, kind="from-the-future", version=12, body={"x": [1, 2.5]})
    strange["predicate"]["seal"] = {"kept": True}
    record = _push(both, {"statement": strange}).json()["records"][0]
    assert (record["known"], record["version"]) == (False, 12)
    found = both.get(f"/v1/evidence/{record['id'][:8]}").json()
    assert found["statement"] == strange
    assert found["known"] is False
    assert _push(both, {"statement": statement(2)}).json()["records"][0]["known"] is True


def _nested(depth: int) -> bytes:
    return b'{"batch":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"batch":[],"batch":[]}', 400),
        (b'{"batch":NaN}', 400),
        (b'{"batch":9007199254740993}', 400),
        (b'{"batch":"\\ud800"}', 400),
        (_nested(10_000), 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"batch":[]}', 422),
        (b'{"batch":[{}]}', 422),
        (b'{"batch":[{"statement":{}}],"more":1}', 422),
        (b" " * (MAX_BODY + 1), 413),
    ],
)
def test_body_that_is_no_push_is_refused_with_a_problem_document(
    client: Make, store: SqlStore, body: bytes, status: int
) -> None:
    answer = client("capture").post(
        "/v1/evidence", content=body, headers={"Content-Type": "application/json"}
    )
    _problem(answer, status, {400: "malformed", 413: "too-large", 422: "invalid"}[status])
    assert store.status().size == 0


def test_body_over_the_limit_is_cut_off_while_it_arrives(client: Make) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 100 * MAX_BODY:
            sent += 65_536
            yield b" " * 65_536

    answer = client("capture").post(
        "/v1/evidence", content=endless(), headers={"Content-Type": "application/json"}
    )
    _problem(answer, 413, "too-large")


def test_body_that_never_ends_is_given_up(client: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aims_mlops.server.body.TIME_LIMIT", 0.05)

    async def slow() -> Any:
        import asyncio

        while True:
            yield b" "
            await asyncio.sleep(0.01)

    answer = client("capture").post(
        "/v1/evidence", content=slow(), headers={"Content-Type": "application/json"}
    )
    _problem(answer, 408, "too-slow")


def test_other_content_type_is_refused(client: Make) -> None:
    answer = client("capture").post("/v1/evidence", content=b"{}")
    _problem(answer, 415, "media-type")


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": [{"name": "x", "digest": {"sha256": "0" * 63}}]},
        {"subject": [{"name": "x", "digest": {"sha256": "0" * 64, "md5": "0"}}]},
        {"subject": [{"name": "x\0", "digest": {"sha256": "0" * 64}}]},
        {"subject": [{"name": "x", "digest": {"sha256": "0" * 64}}] * 1001},
        {"predicateType": "urn:aims-mlops:evidence:Run:v1"},
        {"predicateType": "urn:aims-mlops:evidence:run:v0"},
        {"more": 1},
    ],
)
def test_statement_of_another_shape_is_refused(
    client: Make, statement: Statement, store: SqlStore, change: dict[str, Any]
) -> None:
    answer = _push(client("capture"), {"statement": {**statement(1), **change}})
    assert _problem(answer, 422, "invalid")["errors"]
    assert store.status().size == 0


@pytest.mark.parametrize(
    "change",
    [
        {"claimed_at": "yesterday"},
        {"claimed_at": "2026-13-41T00:00:00Z"},
        {"actor": ""},
        {"actor": 7},
        {"body": []},
        {"controls": []},
        {"system": None},
    ],
)
def test_predicate_that_would_not_be_kept_as_it_came_is_refused(
    client: Make, statement: Statement, change: dict[str, Any]
) -> None:
    given = statement(1)
    given["predicate"] |= change
    _problem(_push(client("capture"), {"statement": given}), 422, "invalid")


def test_request_without_a_valid_token_is_refused_everywhere(
    app: Any, tokens: Tokens, anybody: Make
) -> None:
    revoked, token = tokens.create("x", frozenset({"admin"}), days=1)
    tokens.revoke(token.id)
    tried = 0
    for headers in ({}, {"Authorization": f"Bearer {revoked}"}, {"Authorization": "Basic eDp5"}):
        bare = anybody(headers)
        for path, methods in app.openapi()["paths"].items():
            for method in methods:
                if path == "/v1/health":
                    continue
                url = path.replace("{record_id}", "0" * 64).replace("{sha256}", "0" * 64)
                url = url.replace("{name}", "cyclonedx")
                answer = bare.request(method, url)
                _problem(answer, 401, "unauthorised")
                assert answer.headers["www-authenticate"].startswith("Bearer")
                tried += 1
    assert tried == 3 * 14


def test_scopes_keep_readers_writers_and_approvers_apart(
    client: Make, statement: Statement
) -> None:
    reader, capture = client("read"), client("capture")
    risk = client("approve", actor="risk@example.org")
    own = statement(1, kind="approval", actor="risk@example.org")
    _problem(_push(reader, {"statement": statement(1)}), 403, "forbidden")
    _problem(capture.get("/v1/evidence"), 403, "forbidden")
    _problem(_push(capture, {"statement": own}), 403, "forbidden")
    _problem(_push(risk, {"statement": statement(1)}), 403, "forbidden")
    _problem(_push(risk, {"statement": statement(1, kind="approval")}), 403, "forbidden")
    _problem(_push(client("admin"), {"statement": own}), 403, "forbidden")
    assert _push(risk, {"statement": own}).status_code == 200


@pytest.mark.parametrize(
    "kind",
    sorted(LOG_KINDS),
)
def test_records_about_the_log_itself_are_never_taken_from_outside(
    client: Make, statement: Statement, store: SqlStore, kind: str
) -> None:
    """A forged erasure would excuse a missing blob, a forged rotation break the chain of keys."""
    _problem(_push(client("admin"), {"statement": statement(1, kind=kind)}), 403, "forbidden")
    assert store.status().size == 0


def test_blob_is_stored_under_its_digest_only_and_comes_back_inert(client: Make) -> None:
    both = client("capture", "read")
    content = b"<script>alert(1)</script>"
    name = hashlib.sha256(content).hexdigest()
    put = both.put(f"/v1/blobs/{name}", content=content, headers={"Content-Type": "text/html"})
    assert put.json() == {"sha256": name, "size": len(content), "media_type": "text/html"}
    _problem(both.put(f"/v1/blobs/{'0' * 64}", content=content), 409, "digest")
    answer = both.get(f"/v1/blobs/{name}")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment"
    assert "sandbox" in answer.headers["content-security-policy"]
    _problem(both.get(f"/v1/blobs/{'0' * 64}"), 404, "not-found")
    _problem(both.get("/v1/blobs/..%2f..%2fetc%2fpasswd"), 404, "not-found")


def test_damaged_blob_is_not_sent(client: Make, store: SqlStore) -> None:
    from pathlib import Path

    blob = store.put_blob(b"card", media_type="text/plain")
    (Path(store.blob_location) / blob.sha256[:2] / blob.sha256).write_bytes(b"c4rd")
    _problem(client("read").get(f"/v1/blobs/{blob.sha256}"), 500, "damaged")


def test_personal_content_is_not_sent(client: Make, store: SqlStore) -> None:
    blob = store.put_blob(b"a name", media_type="text/plain", personal=True)
    _problem(client("admin").get(f"/v1/blobs/{blob.sha256}"), 403, "forbidden")


def test_pages_walk_the_log_in_both_directions(client: Make, statement: Statement) -> None:
    both = client("capture", "read")
    _push(both, *({"statement": statement(i)} for i in range(25)))

    def walk(**query: Any) -> list[int]:
        found: list[int] = []
        name = "before" if query.get("newest_first") else "since"
        while True:
            page = both.get("/v1/evidence", params={"limit": 10, **query}).json()
            found += [record["sequence"] for record in page["records"]]
            if page["next"] is None:
                return found
            query[name] = page["next"]

    assert walk() == list(range(25))
    assert walk(newest_first=True) == list(range(24, -1, -1))


@pytest.mark.parametrize(
    "query",
    ["systm=x", "system=a&system=b", "limit=0", "limit=1001", "since=-1", "subject=xyz", "kind=A"],
)
def test_filter_that_is_not_understood_is_refused_not_passed_over(client: Make, query: str) -> None:
    found = _problem(client("read").get(f"/v1/evidence?{query}"), 422, "invalid")
    assert found["errors"][0]["where"].startswith("query.")


def test_unknown_path_and_method_are_problem_documents(client: Make) -> None:
    reader = client("read")
    _problem(reader.get("/v2/evidence"), 404, "not-found")
    _problem(reader.get("/docs"), 404, "not-found")
    answer = reader.delete("/v1/evidence")
    _problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"


def test_store_that_breaks_says_nothing_of_its_place(
    client: Make, statement: Statement, store: SqlStore, tmp_path: Any
) -> None:
    capture = client("capture")
    _push(capture, {"statement": statement(1)})
    store.close()
    (tmp_path / "evidence.db").write_bytes(b"damaged" * 1000)
    answer = _push(capture, {"statement": statement(2)})
    assert answer.status_code in (500, 503)
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(tmp_path) not in answer.text
    assert "sqlite" not in answer.text.lower()


def test_health_needs_no_token_and_tells_nothing(anybody: Make) -> None:
    answer = anybody().get("/v1/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_openapi_document_names_every_error_and_needs_no_other_host(app: Any) -> None:
    document = app.openapi()
    assert document["openapi"].startswith("3.1")
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in json.dumps(document)


def test_alarms_tell_of_monitoring_that_did_not_happen(
    anybody: Make, client: Make, store: SqlStore
) -> None:
    """The system was deployed ten days ago, its schedule is in the log, and no run is."""

    def put(kind: str, body: dict[str, Any]) -> None:
        store.append(
            Evidence(
                kind=kind,
                subjects=(Subject.of_name("system:loans"),),
                body=body,
                actor="ana",
                claimed_at=now(),
                system="loans",
            )
        )

    with time_machine.travel(datetime.now(UTC) - timedelta(days=10)):
        put("system", {"id": "loans", "monitoring": [{"id": "daily"}]})
        put("deployment", {"event": "deployed", "target": "p", "where": "x", "model": "a" * 64})
    assert anybody().get("/v1/alarms").status_code == 401
    (alarm,) = client("read").get("/v1/alarms").json()["alarms"]
    assert (alarm["what"], alarm["system"]) == ("missed-run", "loans")
    assert "of loans/daily (data)" in alarm["reason"]
