"""Routes of the pages: each as HTML and, from the same data, as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from aims_mlops.errors import AimsError
from aims_mlops.evidence.store import EvidenceStore, signed
from aims_mlops.inventory.project import Project
from aims_mlops.report.render.csv_cell import cell
from aims_mlops.server.problems import PROBLEMS, document, problem_of
from aims_mlops.web.auth.permissions import is_allowed
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import PREFIX, render, static_file
from aims_mlops.web.render.language import Language, codes, language_for
from aims_mlops.web.routes.table import PAGES, Page

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.requests import Request
    from starlette.responses import Response

TWIN = "/v1/console"
LANGUAGE_COOKIE = "aims-language"
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Console:
    """What the routes stand on. may : action -> a dependency that gives the viewer or refuses.

    project : read anew for each request, so that a changed aims.yaml counts at once.
    """

    project: Callable[[], Project]
    store: EvidenceStore
    may: Callable[[str], Callable[..., Any]]

    def reading(self, request: Request, viewer: Any) -> Reading:
        """One look by a viewer at the page that a request asks for."""
        return Reading(
            project=self.project(),
            store=signed(self.store),
            viewer=viewer,
            now=datetime.now(UTC),
            query=dict(request.query_params),
            path={name: str(value) for name, value in request.path_params.items()},
        )


def language_of(request: Request) -> Language:
    """The language that the reader chose, else the browser's."""
    return language_for(
        request.headers.get("accept-language"), request.cookies.get(LANGUAGE_COOKIE)
    )


def html(
    request: Request, template: str, viewer: Any, page: Mapping[str, Any], status: int = 200
) -> Response:
    """A page of the console for a request."""
    from starlette.responses import HTMLResponse

    roles = viewer.roles if viewer is not None else frozenset()
    menu = [known for known in PAGES if known.menu and is_allowed(known.action, roles)]
    here = request.url.path
    content = render(
        template, language=language_of(request), viewer=viewer, page=page, menu=menu, here=here
    )
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(content, status, headers=headers)


def trouble(request: Request, viewer: Any, error: AimsError) -> Response:
    """The page that says why there is none; what the store says of its place stays in our log."""
    problem = problem_of(error)
    data = {"problem": problem.name, "detail": problem.detail if problem.name == "invalid" else ""}
    return html(request, "error.html.j2", viewer, data, PROBLEMS[problem.name][0])


def json(data: Mapping[str, Any]) -> Response:
    """The data of a page."""
    from starlette.responses import Response

    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(data), headers=headers, media_type="application/json")


def table_file(rows: Iterable[Mapping[str, Any]], columns: Iterable[str], name: str) -> Response:
    """Rows as CSV for a spreadsheet; a cell that it would take for a formula is kept as text."""
    from starlette.responses import Response

    wanted = list(columns)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(wanted)
    for row in rows:
        writer.writerow([cell(row.get(column)) for column in wanted])
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response("\ufeff" + text.getvalue(), headers=headers, media_type="text/csv")


def pages_router(console: Console) -> APIRouter:
    """Every page of the table and its twin, and the files that they need."""
    from fastapi import APIRouter

    router = APIRouter()
    for page in PAGES:
        _add(router, console, page)
    _add_static(router)
    return router


def _add(router: APIRouter, console: Console, page: Page) -> None:
    from fastapi import Depends, Request

    allowed = Depends(console.may(page.action))

    def show(request: Request, viewer: Any = allowed) -> Any:
        try:
            data = page.model(console.reading(request, viewer))
        except AimsError as error:
            return trouble(request, viewer, error)
        return html(request, page.template_file, viewer, data)

    def twin(request: Request, viewer: Any = allowed) -> Any:
        try:
            return json(page.model(console.reading(request, viewer)))
        except AimsError as error:
            return document(problem_of(error))

    # The annotations are texts here, which the framework could not look up in this function.
    for function in (show, twin):
        function.__annotations__["request"] = Request
    router.add_api_route(PREFIX + page.path, show, include_in_schema=False, name=page.name)
    router.add_api_route(
        TWIN + page.path, twin, name=f"{page.name} (data)", summary=f"Data of the page {page.name}"
    )


def _add_static(router: APIRouter) -> None:
    from fastapi import Request
    from starlette.responses import RedirectResponse, Response

    def file(name: str) -> Response:
        found = static_file(name)
        if found is None:
            return Response(status_code=404)
        headers = {"Cache-Control": "public, max-age=86400", "ETag": f'"{found.digest}"'}
        return Response(found.content, headers=headers, media_type=found.media_type)

    def language(code: str, request: Request) -> Response:
        answer = RedirectResponse(_back(request), 303)
        if code in codes():
            secure = request.url.scheme == "https"
            answer.set_cookie(
                LANGUAGE_COOKIE, code, max_age=_YEAR, httponly=True, samesite="lax", secure=secure
            )
        return answer

    language.__annotations__["request"] = Request
    for function in (file, language):
        function.__annotations__["return"] = Response
    router.add_api_route(f"{PREFIX}/static/{{name}}", file, include_in_schema=False)
    router.add_api_route(f"{PREFIX}/language/{{code}}", language, include_in_schema=False)


def _back(request: Request) -> str:
    """A path of the console that the reader came from; its first page for anything else."""
    wanted = request.query_params.get("to", "")
    inside = wanted == PREFIX or wanted.startswith((f"{PREFIX}/", f"{PREFIX}?"))
    return wanted if inside and "\\" not in wanted and wanted.isprintable() else PREFIX
