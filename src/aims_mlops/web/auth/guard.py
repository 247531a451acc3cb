"""The door of every route: who it is, whether they may, and that the form was one of ours."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from aims_mlops.inventory.project import Project
from aims_mlops.web.auth.doorkeeper import Doorkeeper
from aims_mlops.web.auth.permissions import is_allowed
from aims_mlops.web.auth.viewer import Viewer, viewer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

COOKIE = "aims-session"
_SAFE = ("GET", "HEAD")


class SignInNeededError(Exception):
    """There is no session that works."""


class NotAllowedError(Exception):
    """The viewer may not do this, or the form did not come from a page of theirs."""

    def __init__(self, viewer: Viewer) -> None:
        super().__init__(viewer.person)
        self.viewer = viewer


def guard(
    doorkeeper: Doorkeeper, project: Callable[[], Project]
) -> Callable[[str], Callable[[Request], Awaitable[Viewer]]]:
    """`may`: an action -> a dependency that gives the viewer, or raises one of the errors above."""

    def may(action: str) -> Callable[[Request], Awaitable[Viewer]]:
        async def check(request: Request) -> Viewer:
            secret = request.cookies.get(COOKIE, "")
            session = await run_in_threadpool(doorkeeper.session, secret) if secret else None
            viewer = viewer_of(project(), session) if session is not None else None
            if viewer is None:
                raise SignInNeededError
            place = getattr(request.state, "place", None)
            if place is not None:
                place.leave_unknown()
            if not is_allowed(action, viewer.roles):
                raise NotAllowedError(viewer)
            if request.method not in _SAFE and not await _is_ours(request, viewer.csrf):
                raise NotAllowedError(viewer)
            return viewer

        return check

    return may


async def _is_ours(request: Request, csrf: str) -> bool:
    """Whether an unsafe request carries the token of the session, and comes from no other site."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    given: Any = request.headers.get("x-csrf")
    if given is None:
        form: Mapping[str, Any] = await request.form(max_files=0, max_fields=4_000)
        given = form.get("csrf")
    return isinstance(given, str) and hmac.compare_digest(given.encode(), csrf.encode())
