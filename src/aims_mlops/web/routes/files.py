"""What a page lets one take away: signed bytes, proofs, content, cards, tables.

A file that somebody else made is only ever handed out to be kept: as an attachment, under a policy
that lets nothing in it run, and never as a page of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aims_mlops.errors import AimsError
from aims_mlops.report.card import page as card_page
from aims_mlops.web.pages.evidence import blob_of, evidence
from aims_mlops.web.pages.model import card_of, model_of
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.pages.systems import systems
from aims_mlops.web.render.environment import PREFIX
from aims_mlops.web.routes.pages import Console, table_file, trouble

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.responses import Response

NOTHING_RUNS = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
# The few kinds of picture that an `img` of ours shows; anything else is bytes.
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"<svg", "image/svg+xml"))
_EVIDENCE = (
    "sequence", "id", "kind", "system", "actor", "received_at", "summary",
)  # fmt: skip
_SYSTEMS = (
    "id", "title", "tier", "owner", "risk_owner", "in_use", "alarms", "nonconformities", "purpose",
)  # fmt: skip


def attachment(content: bytes, name: str, media_type: str) -> Response:
    """Bytes to keep. name : ASCII without quotes, made by us."""
    from starlette.responses import Response

    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": NOTHING_RUNS,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(content, headers=headers, media_type=media_type)


def picture_type(content: bytes) -> str:
    """image/png or image/svg+xml by what the bytes begin with; else that they are bytes."""
    start = content[:400].lstrip()
    if start.startswith(b"<?xml"):
        start = start.partition(b"?>")[2].lstrip()
    if start.startswith(b"<!DOCTYPE svg"):
        start = start.partition(b">")[2].lstrip()
    found = (media_type for magic, media_type in _PICTURES if start.startswith(magic))
    return next(found, "application/octet-stream")


def files_router(console: Console) -> APIRouter:
    """Every file of the pages."""
    from fastapi import APIRouter

    router = APIRouter()
    for path, action, answer in (
        ("/records/{record}/envelope.json", "read", _envelope),
        ("/records/{record}/proof.txt", "read", _proof),
        ("/records/{record}/blobs/{blob}", "read-personal", _blob),
        ("/models/{model}/card.html", "read", _card),
        ("/systems.csv", "export", _systems),
        ("/evidence.csv", "export", _evidence),
    ):
        _add(router, console, path, action, answer)
    return router


def _add(
    router: APIRouter,
    console: Console,
    path: str,
    action: str,
    answer: Callable[[Reading], Response],
) -> None:
    from fastapi import Depends, Request

    def give(request: Request, viewer: Any = Depends(console.may(action))) -> Any:  # noqa: B008
        try:
            return answer(console.reading(request, viewer))
        except AimsError as error:
            return trouble(request, viewer, error)

    give.__annotations__["request"] = Request
    router.add_api_route(PREFIX + path, give, include_in_schema=False, name=f"file {path}")


def _envelope(reading: Reading) -> Response:
    found = reading.get(reading.path["record"])
    return attachment(found.envelope, f"{found.id[:16]}.dsse.json", "application/json")


def _proof(reading: Reading) -> Response:
    found = reading.get(reading.path["record"])
    prove: Any = getattr(reading.store, "prove", None)
    text = str(prove(found.sequence)) if prove is not None else "this store proves nothing\n"
    return attachment(text.encode(), f"{found.id[:16]}.tlog-proof", "text/plain; charset=utf-8")


def _blob(reading: Reading) -> Response:
    sha256 = reading.path["blob"]
    content = blob_of(reading, sha256)
    return attachment(content, f"{sha256[:16]}.bin", picture_type(content))


def _card(reading: Reading) -> Response:
    reference, records = model_of(reading)
    text = card_page.as_html(card_of(reading, reference, records))
    return attachment(text.encode(), f"card-{reference.sha256[:12]}.html", "text/html")


def _systems(reading: Reading) -> Response:
    return table_file(systems(reading)["systems"], _SYSTEMS, "systems.csv")


def _evidence(reading: Reading) -> Response:
    wanted = Reading(
        project=reading.project,
        store=reading.store,
        viewer=reading.viewer,
        now=reading.now,
        query={"limit": "500", **reading.query},
    )
    return table_file(evidence(wanted)["records"], _EVIDENCE, "evidence.csv")
