"""The console on the application of the evidence server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aims_mlops.evidence.store import EvidenceStore
from aims_mlops.inventory.project import Project
from aims_mlops.server.problems import ProblemError, document
from aims_mlops.web.auth.doorkeeper import FILE, Doorkeeper
from aims_mlops.web.auth.guard import NotAllowedError, SignInNeededError, guard
from aims_mlops.web.render.environment import PREFIX, address
from aims_mlops.web.routes.every import console_routers
from aims_mlops.web.routes.pages import TWIN, Console, html
from aims_mlops.web.routes.passkeys import passkeys_router
from aims_mlops.web.routes.sign_in import sign_in_router

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def add_console(app: FastAPI, store: EvidenceStore, project: Callable[[], Project]) -> None:
    """Put the pages and their twins on an application.

    project : read anew for each request, so that a changed aims.yaml counts at once.
    """
    doorkeeper = Doorkeeper(project().root / FILE)
    console = Console(project=project, store=store, may=guard(doorkeeper, project))
    app.include_router(sign_in_router(console, doorkeeper, project))
    app.include_router(passkeys_router(console, doorkeeper))
    for router in console_routers(console):
        app.include_router(router)
    app.add_middleware(_ConsoleHeaders)

    async def on_sign_in(request: Request, _: Exception) -> Response:
        from starlette.responses import RedirectResponse

        if request.url.path.startswith(TWIN):
            return document(ProblemError("unauthorised", "sign in to the console first"))
        return RedirectResponse(address("sign-in"), 303)

    async def on_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, NotAllowedError)
        if request.url.path.startswith(TWIN):
            return document(ProblemError("forbidden", "your role does not allow this"))
        data: dict[str, Any] = {"problem": "forbidden", "detail": ""}
        return html(request, "error.html.j2", error.viewer, data, 403)

    app.add_exception_handler(SignInNeededError, on_sign_in)
    app.add_exception_handler(NotAllowedError, on_refused)


class _ConsoleHeaders:
    """What a browser may do with the pages; a file that has a stricter policy keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                if not any(name == b"content-security-policy" for name, _ in headers):
                    headers.append((b"content-security-policy", POLICY.encode()))
                message["headers"] = [*headers, *_HEADERS]
            await send(message)

        ours = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await self._app(scope, receive, with_headers if ours else send)
