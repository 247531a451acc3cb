"""Pages and Markdown from templates: everything escaped, nothing fetched, nothing run.

A page is one file. Its policy (CSP) forbids every script, frame, form and outside resource, and
allows one style sheet by its digest, so that even text that got past the escaping could not act.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.report.render.one_line import day, duration, moment, plural, size, summarise
from aims_mlops.report.render.visible import one_line, visible

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


SINGLE_USER = "Single-user mode: separation of duties is not enforced in this project."


def html(template: str, *, single_user: bool = False, **values: Any) -> str:
    """One self-contained HTML page; `template` is a file in templates/.

    single_user : the page says on top that one person does everything in this project.
    """
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    from markupsafe import Markup

    return (
        _environment(escaped=True)
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704  our own file
            policy=policy,
            notice=SINGLE_USER if single_user else None,
            **values,
        )
    )


def markdown(template: str, **values: Any) -> str:
    """A Markdown text; every value must pass through the filters `md` or `mdcode`."""
    text = _environment(escaped=False).get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment(*, escaped: bool) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escaped,  # noqa: S701  Markdown escapes by filter
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    environment.filters.update(
        day=day,
        moment=moment,
        age=age,
        short=short,
        figure=figure,
        percent_of=percent_of,
        summary=summarise,
        plural=plural,
        size=size,
        duration=duration,
        md=escaped_markdown,
        mdcode=markdown_code,
    )
    return environment


def _visible(value: Any) -> Any:
    # Exactly str: Markup (a subclass) is our own, already escaped text.
    return visible(value) if type(value) is str else value


def age(days: float | None) -> str:
    """An age in words, such as '3 days'; '–' without one."""
    if days is None:
        return "–"
    if days < 1 / 24:
        return "under an hour"
    if days < 1:
        return plural(int(days * 24), "hour")
    return plural(int(days), "day")


def short(digest: str | None) -> str:
    """The first 12 digits, enough for `aims evidence show`."""
    return (digest or "")[:12]


def figure(value: float | None) -> str:
    """A number for reading, to three places or three digits; '–' where the data do not say."""
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}" if abs(value) >= 2 else f"{value:.3f}"
    return f"{value:.3f}" if 0.001 <= abs(value) < 1_000 else f"{value:.3g}"


def percent_of(value: float, axis: tuple[float, float]) -> str:
    """Where a value lies on an axis, as a CSS-free SVG length such as '41.20%'."""
    low, high = axis
    share = 0.5 if high == low else (value - low) / (high - low)
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def escaped_markdown(value: object) -> str:
    """Text that Markdown shows as it is: one line, no markup, no HTML, no table border."""
    text = one_line(str(value))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_\[\]|~!#])", r"\\\1", text)
    # Bare addresses would become links in GitHub's flavour; evidence links nowhere.
    return re.sub(r"(?i)\b(https?|ftp|www)([:.])", r"\1<!-- -->\2", text)


def markdown_code(value: object) -> str:
    """A code span; text that would close the span is shown as plain escaped text."""
    text = one_line(str(value))
    if "`" in text or not text:
        return escaped_markdown(text)
    return "`" + text.replace("|", "\\|") + "`"
