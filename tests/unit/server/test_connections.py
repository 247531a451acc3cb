"""A share of the requests under way is kept for those with a valid token."""

from __future__ import annotations

import asyncio
from typing import Any

from aims_mlops.server.connections import UNDER_WAY, UNKNOWN, Shares


def test_requests_without_a_token_leave_a_share_to_those_with_one() -> None:
    async def scenario() -> None:
        end = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["known"]:
                scope["state"]["place"].leave_unknown()
            await end.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})

        shares = Shares(app)

        async def ask(known: bool) -> int:
            seen: list[int] = []

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    seen.append(message["status"])

            headers = [(b"authorization", b"Bearer x")] if known else []
            scope = {"type": "http", "known": known, "method": "GET", "headers": headers}
            await shares(scope, None, send)  # type: ignore[arg-type]
            return seen[0]

        async def begin(known: bool, count: int) -> list[asyncio.Task[int]]:
            tasks = [asyncio.create_task(ask(known)) for _ in range(count)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return tasks

        strangers = await begin(False, UNKNOWN)
        assert await ask(False) == 503
        held = await begin(True, UNDER_WAY - UNKNOWN)  # as ever, however many strangers there are
        assert await ask(True) == 503  # the server is full
        end.set()
        assert set(await asyncio.gather(*held, *strangers)) == {200}
        end.clear()
        many = await begin(True, UNDER_WAY)
        assert await ask(True) == 503
        end.set()
        assert set(await asyncio.gather(*many)) == {200}
        assert await ask(False) == 200

    asyncio.run(scenario())
