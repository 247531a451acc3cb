"""Signing in by an invitation, and out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aims_mlops.inventory.project import Project
from aims_mlops.web.auth.doorkeeper import ABSOLUTE, Doorkeeper
from aims_mlops.web.auth.guard import COOKIE
from aims_mlops.web.render.environment import PREFIX, address
from aims_mlops.web.routes.pages import Console, html

if TYPE_CHECKING:
    from fastapi import APIRouter


def sign_in_router(
    console: Console, doorkeeper: Doorkeeper, project: Callable[[], Project]
) -> APIRouter:
    """The pages before a session: nothing of the log is on them."""
    from fastapi import APIRouter, Depends, Request
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import RedirectResponse

    router = APIRouter()

    def page(request: Request) -> Any:
        return html(request, "sign_in.html.j2", None, {"person": None, "secret": None})

    def invited(request: Request, secret: str) -> Any:
        """A look at an invitation does not use it up: mail programs look at links, too."""
        person = doorkeeper.invited(secret)
        known = project().person(person) if person else None
        data = {
            "person": (known.name or known.id) if known else None,
            "secret": secret if known else None,
        }
        return html(request, "sign_in.html.j2", None, data, 200 if known else 404)

    def accept(request: Request, secret: str) -> Any:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return html(request, "sign_in.html.j2", None, {"person": None, "secret": None}, 403)
        before = doorkeeper.session(request.cookies.get(COOKIE, ""))
        session = doorkeeper.accept(secret)
        if session is None:
            return html(request, "sign_in.html.j2", None, {"person": None, "secret": None}, 404)
        if before is not None:
            doorkeeper.end(before.id)
        answer = RedirectResponse(PREFIX, 303)
        answer.set_cookie(
            COOKIE, session, max_age=int(ABSOLUTE.total_seconds()), httponly=True,
            samesite="lax", secure=request.url.scheme == "https", path="/",
        )  # fmt: skip
        return answer

    def leave(viewer: Any = Depends(console.may("read"))) -> Any:  # noqa: B008
        doorkeeper.end(viewer.session)
        answer = RedirectResponse(address("sign-in"), 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")
        return answer

    async def sessions(request: Request, viewer: Any = Depends(console.may("administer"))) -> Any:  # noqa: B008
        form = await request.form(max_files=0, max_fields=10)
        if "end" in form:
            await run_in_threadpool(doorkeeper.end_short, str(form["end"]))
        return RedirectResponse(address("sessions"), 303)

    def listed(request: Request, viewer: Any = Depends(console.may("administer"))) -> Any:  # noqa: B008
        data = {
            "sessions": [
                {
                    "id": found.id[:16],
                    "person": found.person,
                    "systems": sorted(found.systems) if found.systems is not None else None,
                    "begun_at": found.begun_at,
                    "seen_at": found.seen_at,
                    "mine": found.id == viewer.session,
                }
                for found in doorkeeper.sessions()
            ]
        }
        return html(request, "sessions.html.j2", viewer, data)

    for function in (page, invited, accept, sessions, listed):
        function.__annotations__["request"] = Request
    for path, act, method in (
        ("/sign-in", page, "GET"),
        ("/sign-in/{secret}", invited, "GET"),
        ("/sign-in/{secret}", accept, "POST"),
        ("/sign-out", leave, "POST"),
        ("/sessions", listed, "GET"),
        ("/sessions", sessions, "POST"),
    ):
        router.add_api_route(PREFIX + path, act, methods=[method], include_in_schema=False)
    return router
