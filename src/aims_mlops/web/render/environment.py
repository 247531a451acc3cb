"""HTML from templates: what comes from data is escaped; nothing is inline or from elsewhere."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from aims_mlops.report.render.page import TEMPLATES as REPORTS
from aims_mlops.report.render.page import percent_of, short
from aims_mlops.visible import visible
from aims_mlops.web.render import language as words
from aims_mlops.web.render.language import Language
from aims_mlops.web.render.plots import layered

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
PREFIX = "/console"
_STYLE = "console.css"


def render(template: str, *, language: Language, viewer: Any = None, **values: Any) -> str:
    """One page. template : a file below templates/.  viewer : None before anybody signed in."""
    return (
        _environment()
        .get_template(template)
        .render(language=language, viewer=viewer, languages=words.codes(), **values)
    )


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file of ours, with its media type and a digest that changes when it does."""

    content: bytes
    media_type: str
    digest: str


@cache
def static_file(name: str) -> StaticFile | None:
    """A file below static/ by its name; None if there is none.

    The style is that of the reports, and after it what only the console has.
    """
    path = STATIC / name
    if path.parent != STATIC or not path.is_file():
        return None
    content = path.read_bytes()
    if name == _STYLE:
        content = (REPORTS / "style.css").read_bytes() + b"\n" + content
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    return StaticFile(content, media_type, hashlib.sha256(content).hexdigest())


def static_url(name: str) -> str:
    """The address of a static file; another when its content is."""
    found = static_file(name)
    return f"{PREFIX}/static/{name}" + (f"?v={found.digest[:12]}" if found else "")


def address(*parts: object, **query: object) -> str:
    """The address of a page: each part quoted, so that no value can lead elsewhere."""
    path = "/".join((PREFIX, *(quote(str(part), safe="") for part in parts)))
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context

    @pass_context
    def word(context: Context, key: str, /, **values: object) -> str:
        return _language(context).word(key, **values)

    @pass_context
    def named(context: Context, value: object, group: str) -> str:
        """A word of ours for a value of a closed set; the value itself where we have none."""
        key = f"{group}.{value}"
        language = _language(context)
        return language.word(key) if language.has(key) else str(value)

    def formatted(name: str) -> Any:
        @pass_context
        def apply(context: Context, value: Any) -> str:
            return str(getattr(_language(context).formats, name)(value))

        return apply

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.globals.update(t=word, url=address, static=static_url)
    environment.filters.update(
        {name: formatted(name) for name in ("day", "moment", "clock", "whole", "figure", "size")},
        named=named,
        short=short,
        percent_of=percent_of,
        layered=layered,
    )
    return environment


def _language(context: Context) -> Language:
    found: Language = context["language"]
    return found
