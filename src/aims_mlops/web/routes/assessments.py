"""Writing an impact assessment: save, take over, add and remove rows, submit; commenting on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aims_mlops.assessments.document import TEXT_FIELDS, text_digest
from aims_mlops.assessments.review import impact_scale
from aims_mlops.assessments.submit import submit_document
from aims_mlops.errors import AimsError, InputError
from aims_mlops.policy.grammar import ImpactScale
from aims_mlops.web.drafts.drafts import Draft
from aims_mlops.web.drafts.merge import flat, nested
from aims_mlops.web.pages.assessment.form import (
    assessment,
    begun,
    columns,
    document_of,
    drafts_of,
    known_texts,
    system_of_page,
)
from aims_mlops.web.pages.assessment.review import comment
from aims_mlops.web.pages.model import model_of
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.render.environment import PREFIX, address
from aims_mlops.web.routes.pages import Console, html, trouble

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.datastructures import FormData

_PATH = PREFIX + "/models/{model}/assessment"
_REVIEW = PREFIX + "/models/{model}/review"
_MOST_ROWS, _MOST_TEXT = 200, 20_000


def assessments_router(console: Console) -> APIRouter:
    """What is sent from the form of an assessment."""
    from fastapi import APIRouter, Depends, Request
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import RedirectResponse

    router = APIRouter()

    async def write(request: Request, viewer: Any = Depends(console.may("draft"))) -> Any:  # noqa: B008
        form = await request.form(max_files=0, max_fields=4_000)

        def act() -> Any:
            reading = console.reading(request, viewer)
            try:
                draft = save(reading, form)
                if form.get("do") == "submit" and not draft.conflicts:
                    _submit(reading, draft)
                    return RedirectResponse(address("models", reading.path["model"], "review"), 303)
            except AimsError as error:
                return trouble(request, viewer, error)
            if draft.conflicts:
                data = assessment(reading, draft=draft)
                return html(request, "assessment.html.j2", viewer, data, 409)
            place = f"#{part}" if (part := _part(str(form.get("do", "")))) else ""
            return RedirectResponse(
                address("models", reading.path["model"], "assessment") + place, 303
            )

        return await run_in_threadpool(act)

    async def say(request: Request, viewer: Any = Depends(console.may("review"))) -> Any:  # noqa: B008
        form = await request.form(max_files=0, max_fields=20)

        def act() -> Any:
            reading = console.reading(request, viewer)
            try:
                said = comment(reading, {name: str(value) for name, value in form.items()})
            except AimsError as error:
                return trouble(request, viewer, error)
            place = said.evidence.body.get("answers") or said.id
            there = address("models", reading.path["model"], "review")
            return RedirectResponse(f"{there}#c-{str(place)[:12]}", 303)

        return await run_in_threadpool(act)

    for function in (write, say):
        function.__annotations__["request"] = Request
    router.add_api_route(_REVIEW, say, methods=["POST"], include_in_schema=False)
    router.add_api_route(_PATH, write, methods=["POST"], include_in_schema=False)
    return router


def save(reading: Reading, form: FormData) -> Draft:
    """Keep what was sent, merged with what others saved since the version it was written on."""
    system = system_of_page(reading)
    drafts = drafts_of(reading)
    newest = drafts.newest(reading.path["model"])
    before = newest.document if newest else begun(reading, system)
    scale = impact_scale(reading.project, "production")
    document = read_form(form, before, scale)
    do = str(form.get("do", ""))
    if do.startswith("take:"):
        document = _take(reading, document, do.removeprefix("take:"))
    version = str(form.get("version", "0"))
    if not version.isascii() or not version.isdigit():
        raise InputError("the form names no version of the draft", got=version[:20])
    return drafts.save(
        reading.path["model"], document, on=int(version), person=reading.viewer.person
    )


def read_form(form: FormData, before: dict[str, Any], scale: ImpactScale) -> dict[str, Any]:
    """The document that a form says; what it does not ask for stays as it was."""
    fields = flat(before)
    for path in (*TEXT_FIELDS, "title", "author", "review_by"):
        if path in form:
            fields[path] = _text(form, path)
    fields["review_by"] = fields.get("review_by") or None
    do = str(form.get("do", ""))
    for name, asked in columns(scale).items():
        if f"{name}.rows" in form:
            fields[name] = list(_rows(form, name, asked))
        if do == f"add:{name}":
            fields[name] = [*(fields.get(name) or ()), _blank(name, asked)]
        if do.startswith(f"remove:{name}:"):
            gone = do.rpartition(":")[2]
            fields[name] = [row for i, row in enumerate(fields.get(name) or ()) if str(i) != gone]
        _number(name, fields.get(name) or [])
    return nested(fields)


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).replace("\r\n", "\n").strip()[:_MOST_TEXT]


def _rows(form: FormData, name: str, asked: Iterable[Any]) -> Iterable[dict[str, Any]]:
    count = _text(form, f"{name}.rows")
    for number in range(min(int(count) if count.isascii() and count.isdigit() else 0, _MOST_ROWS)):
        row: dict[str, Any] = {}
        for field, how, _ in asked:
            text = _text(form, f"{name}.{number}.{field}")
            if how == "tick":
                row[field] = bool(text)
            elif how == "words":
                row[field] = [word for word in text.replace(",", " ").split() if word]
            else:
                row[field] = text or (None if how == "day" or field == "reversible" else "")
        yield row


def _blank(name: str, asked: Iterable[Any]) -> dict[str, Any]:
    first = {"tick": False, "words": [], "day": None}
    return {
        field: (choices[0] or (None if field == "reversible" else "")) if choices
        else first.get(how, "")
        for field, how, choices in asked
    }  # fmt: skip


def _number(name: str, rows: list[dict[str, Any]]) -> None:
    """Give an id to each row that needs one and has none."""
    taken = {row.get("id") for row in rows}
    for row in rows:
        if "id" in row and not row["id"]:
            number = next(n for n in range(1, len(rows) + 2) if f"{name[:-1]}-{n}" not in taken)
            row["id"] = f"{name[:-1]}-{number}"
            taken.add(row["id"])


def _take(reading: Reading, document: dict[str, Any], path: str) -> dict[str, Any]:
    """The document with what the log or aims.yaml knows in one field."""
    known = known_texts(reading, system_of_page(reading)).get(path)
    if known is None or path not in TEXT_FIELDS:
        raise InputError("nothing is known for this field", got=path[:60])
    fields = flat(document)
    fields[path] = known["text"].strip()
    filled = dict(document.get("from_evidence") or {})
    filled.pop(path, None)
    if known["record"]:
        filled[path] = {"record": known["record"], "text_sha256": text_digest(known["text"])}
    return nested({**fields, "from_evidence": filled})


def _submit(reading: Reading, draft: Draft) -> None:
    """Put the draft into the log; who sends it submits it, and its author stays its author."""
    reference, _ = model_of(reading)
    submit_document(
        reading.project,
        reading.store,
        document_of(reading, draft),
        reference,
        actor=reading.viewer.person,
        scale=impact_scale(reading.project, "production"),
    )
    drafts_of(reading).end(draft.name)


def _part(do: str) -> str:
    """Where the reader goes on after a button of the form."""
    kind, _, rest = do.partition(":")
    if kind == "take":
        return f"f-{rest}" if rest in TEXT_FIELDS else ""
    return f"s-{rest.partition(':')[0]}" if kind in ("add", "remove") and rest else ""
