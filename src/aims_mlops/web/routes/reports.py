"""Asking for a report, and taking it away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aims_mlops.errors import AimsError
from aims_mlops.web.pages.reports import ask, content_of
from aims_mlops.web.render.environment import PREFIX, address
from aims_mlops.web.routes.files import attachment
from aims_mlops.web.routes.pages import Console, trouble

if TYPE_CHECKING:
    from fastapi import APIRouter


def reports_router(console: Console) -> APIRouter:
    """What is sent from the page of the reports, and the files that it leads to."""
    from fastapi import APIRouter, Depends, Request
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import RedirectResponse

    router = APIRouter()

    async def order(request: Request, viewer: Any = Depends(console.may("export"))) -> Any:  # noqa: B008
        form = await request.form(max_files=0, max_fields=20)

        def act() -> Any:
            try:
                kind, system = str(form.get("kind", "")), str(form.get("system", ""))
                ask(console.reading(request, viewer), kind, system)
            except AimsError as error:
                return trouble(request, viewer, error)
            return RedirectResponse(address("reports"), 303)

        return await run_in_threadpool(act)

    def give(request: Request, viewer: Any = Depends(console.may("export"))) -> Any:  # noqa: B008
        try:
            report, content = content_of(console.reading(request, viewer))
        except AimsError as error:
            return trouble(request, viewer, error)
        media_type = "text/html" if report.name.endswith(".html") else "application/octet-stream"
        return attachment(content, report.name, media_type)

    for function in (order, give):
        function.__annotations__["request"] = Request
    router.add_api_route(f"{PREFIX}/reports", order, methods=["POST"], include_in_schema=False)
    router.add_api_route(f"{PREFIX}/reports/{{report}}", give, include_in_schema=False)
    return router
