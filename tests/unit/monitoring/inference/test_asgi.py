"""The middleware changes no answer, and logs what went through."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.inference_log.serving.asgi import InferenceLog
from aims_mlops.inventory.project import Project

Rows = Callable[[], list[dict[str, Any]]]
Bodies = Callable[..., list[dict[str, Any]]]


def application(*parts: bytes, status: int = 200, length: bool = False) -> Any:
    """Reads the whole request, then answers in parts."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-length", str(sum(map(len, parts))).encode())] if length else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    return answer


def ask(
    app: Any,
    *bodies: bytes,
    path: str = "/score",
    media_type: str = "application/json",
    request_id: str | None = None,
) -> list[dict[str, Any]]:
    """What the application sent; the request comes in as many parts as there are bodies."""
    sent: list[dict[str, Any]] = []
    waiting = [
        {"type": "http.request", "body": body, "more_body": place + 1 < len(bodies)}
        for place, body in enumerate(bodies)
    ]
    headers = [(b"content-type", media_type.encode())]
    if request_id is not None:
        headers.append((b"x-request-id", request_id.encode()))

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    asyncio.run(app(scope, receive, send))
    return sent


def logged_app(*parts: bytes, **more: Any) -> InferenceLog:
    return InferenceLog(application(*parts, **more), system="loans", paths=("/score",))


@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_answer_goes_through_as_it_is_and_has_the_request_id(
    project: Project, logged: Rows, length: bool
) -> None:
    app = logged_app(b'{"predictio', b'ns": [1, 0]}', length=length)
    rows = [{"income": 1.0, "colour": "red"}, {"income": 2.0, "colour": "blue"}]
    body = json.dumps({"dataframe_records": rows}).encode()
    sent = ask(app, body[:10], body[10:], request_id="r-1")
    assert [m.get("body") for m in sent[1:]] == [b'{"predictio', b'ns": [1, 0]}', None]
    assert (b"x-request-id", b"r-1") in sent[0]["headers"]
    found = logged()
    assert [(r["request_id"], r["row"], r["income"], r["prediction"]) for r in found] == [
        ("r-1", 0, 1.0, 1),
        ("r-1", 1, 2.0, 0),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["income", "colour"], "data": [[1.0, "red"]]}},
        {"inputs": {"income": [1.0], "colour": ["red"]}},
        {"instances": [{"income": 1.0, "colour": "red"}]},
        [{"income": 1.0, "colour": "red"}],
        {"income": 1.0, "colour": "red"},
    ],
    ids=["split", "inputs", "instances", "list", "row"],
)
def test_features_are_found_in_every_form_of_a_request(
    project: Project, logged: Rows, body: Any
) -> None:
    ask(logged_app(b'{"predictions": [1]}'), json.dumps(body).encode())
    (row,) = logged()
    assert (row["income"], row["colour"], row["prediction"]) == (1.0, "red", 1)


def test_csv_and_parquet_are_read(project: Project, logged: Rows) -> None:
    app = logged_app(b'{"predictions": [1]}')
    ask(app, b"income,colour\n1,red\n", media_type="text/csv; charset=utf-8")
    sink = io.BytesIO()
    pd.DataFrame({"income": [2.0], "colour": ["blue"]}).to_parquet(sink)
    ask(app, sink.getvalue(), media_type="application/vnd.apache.parquet")
    assert [(row["income"], row["colour"]) for row in logged()] == [(1.0, "red"), (2.0, "blue")]


def test_row_with_a_score_is_one_prediction(project: Project, logged: Rows) -> None:
    ask(logged_app(b'{"prediction": "yes", "score": 0.8}'), b'{"income": 1}')
    (row,) = logged()
    assert (row["prediction"], row["score"]) == ("yes", 0.8)


def test_refused_requests_and_broken_applications_are_counted(
    project: Project, told: Bodies
) -> None:
    ask(logged_app(b"no", status=422), b"{}")

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        ask(InferenceLog(broken, system="loans", paths=("/score",)), b"{}")
    (body,) = told()
    assert (body["calls"], body["failed_calls"]) == (0, 2)
    assert body["errors"] == {"HTTP 422": 1, "RuntimeError": 1}


def test_other_paths_are_none_of_its_business(project: Project) -> None:
    sent = ask(logged_app(b"hello"), b"", path="/")
    assert sent[0]["headers"] == []
    assert not (project.root / "log").exists()


def test_request_that_is_no_json_keeps_its_row_and_is_told(
    project: Project, logged: Rows, told: Bodies
) -> None:
    ask(logged_app(b'{"predictions": [1]}'), b"income=1")
    (body,) = told()
    assert body["columns"]["unread_inputs"] == 1
    (row,) = logged()
    assert (row["income"], row["prediction"]) == (None, 1)


def test_body_above_the_limit_is_not_held_and_its_row_is_told(
    project: Project, told: Bodies
) -> None:
    app = InferenceLog(
        application(b'{"predictions": [1]}'), system="loans", paths=("/score",), limit_bytes=100
    )
    ask(app, b'{"income": ' + b" " * 200 + b"1}")
    (body,) = told()
    assert (body["calls"], body["written"], body["columns"]["unread_inputs"]) == (1, 1, 1)


def test_pyfunc_model_is_logged_and_otherwise_itself(project: Project, logged: Rows) -> None:
    class Model:
        metadata = "its own"

        def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
            return [len(params or {})] * len(data)

    model = aims.monitored_pyfunc(Model(), system="loans", target="production")
    frame = pd.DataFrame({"income": [1.0, 2.0]})
    assert model.metadata == "its own"
    assert model.predict(frame) == [0, 0]
    assert model.predict(frame, {"a": 1}, request_id="r-2") == [1, 1]
    rows = logged()
    assert [row["prediction"] for row in rows] == [0, 0, 1, 1]
    assert {row["target"] for row in rows} == {"production"}
    assert rows[-1]["request_id"] == "r-2"
