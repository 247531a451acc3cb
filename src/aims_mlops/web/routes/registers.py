"""Writing registers: an entry added, changed, closed, opened again. Works without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import (
    AimsError,
    DocumentError,
    EvidenceConflictError,
    EvidenceNotFoundError,
)
from aims_mlops.management.registers.enter import add, change, close
from aims_mlops.management.registers.entry import content_of
from aims_mlops.management.registers.grammar import fields_of
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.pages.registers.form import form, read_form
from aims_mlops.web.pages.registers.lists import entry_of_page, spec_of_page
from aims_mlops.web.render.environment import PREFIX, address
from aims_mlops.web.routes.pages import Console, html, trouble

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.responses import Response

_ENTRY = PREFIX + "/registers/{register}/entries/{entry}"


def registers_router(console: Console) -> APIRouter:
    """What is sent from the forms of the registers."""
    from fastapi import APIRouter

    router = APIRouter()
    for path, act in (
        (PREFIX + "/registers/{register}/add", _added),
        (f"{_ENTRY}/change", _changed),
        (f"{_ENTRY}/close", _closed),
    ):
        _add(router, console, path, act)
    return router


def _add(
    router: APIRouter,
    console: Console,
    path: str,
    act: Callable[[Reading, dict[str, list[str]]], str | dict[str, Any]],
) -> None:
    from fastapi import Depends, Request
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import RedirectResponse

    async def take(request: Request, viewer: Any = Depends(console.may("register"))) -> Any:  # noqa: B008
        sent = await request.form(max_files=0, max_fields=4_000)
        said: dict[str, list[str]] = {}
        for name, value in sent.multi_items():
            said.setdefault(name, []).append(str(value)[:20_000])

        def answer() -> Response:
            reading = console.reading(request, viewer)
            try:
                done = act(reading, said)
            except AimsError as error:
                return trouble(request, viewer, error)
            if isinstance(done, str):
                return RedirectResponse(done, 303)
            status = 422 if done["problems"] else 200
            return html(request, "entry_form.html.j2", viewer, done, status)

        return await run_in_threadpool(answer)

    take.__annotations__["request"] = Request
    router.add_api_route(path, take, methods=["POST"], include_in_schema=False)


def _only_rows(said: dict[str, list[str]]) -> bool:
    """Whether a button of the form was meant that adds or removes a row, and stores nothing."""
    return (said.get("do") or [""])[0].startswith(("more:", "less:"))


def _check_scope(reading: Reading, content: dict[str, Any]) -> None:
    """Whoever may see some systems only writes about those."""
    seen = reading.viewer.systems
    named = content.get("systems") or []
    if seen is not None and (not named or not set(named) <= seen):
        raise EvidenceNotFoundError(
            "the entry has to name systems that you may see, and no other",
            expected=", ".join(sorted(seen)),
        )


def _added(reading: Reading, said: dict[str, list[str]]) -> str | dict[str, Any]:
    spec = spec_of_page(reading)
    content = read_form(said, fields_of(spec), {})
    if _only_rows(said):
        return form(reading, content)
    _check_scope(reading, content)
    try:
        record = add(
            reading.project, reading.store, spec.name, content,
            actor=reading.viewer.person, now=reading.now,
        )  # fmt: skip
    except DocumentError as error:
        return form(reading, content, problems=error.problems or (str(error),))
    return address("registers", spec.name, "entries", record.evidence.body["id"])


def _changed(reading: Reading, said: dict[str, list[str]]) -> str | dict[str, Any]:
    found = entry_of_page(reading)
    before = content_of(found.latest.evidence.body, found.kind)
    fields = [field for field in fields_of(found.spec) if field.name != "id"]
    content = read_form(said, fields, before)
    if _only_rows(said):
        return form(reading, content)
    if (said.get("on") or [""])[0] != found.latest.id:
        return form(reading, content, problems=["changed-meanwhile"])
    _check_scope(reading, content)
    try:
        change(
            reading.project, reading.store, found, content,
            actor=reading.viewer.person, now=reading.now,
            reason=(said.get("why_changed") or [""])[0].strip() or None,
        )  # fmt: skip
    except DocumentError as error:
        return form(reading, content, problems=error.problems or (str(error),))
    except EvidenceConflictError:
        return form(reading, content, problems=["changed-meanwhile"])
    return address("registers", found.register, "entries", found.id)


def _closed(reading: Reading, said: dict[str, list[str]]) -> str | dict[str, Any]:
    found = entry_of_page(reading)
    close(
        reading.project, reading.store, found,
        actor=reading.viewer.person, now=reading.now,
        reason=(said.get("why_changed") or [""])[0].strip(),
        reopen=bool(said.get("reopen")),
    )  # fmt: skip
    return address("registers", found.register, "entries", found.id)
