"""The words of the console: English in one file, every other language in one beside it.

A word is found by its key, such as `systems.title`. One that counts has the forms that CLDR names
(`one`, `other`), chosen by `n`. A language that lacks a word shows the English one; a test holds
that none does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aims_mlops.web.render.formats import Formats

WORDS = Path(__file__).parent / "words"
ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """What a reader reads. code : of the words, such as 'de'.  formats : of their locale."""

    code: str
    formats: Formats

    def word(self, key: str, /, **values: object) -> str:
        """The text of a key with its values filled in, each shown as this locale writes it."""
        text = catalogue(self.code).get(key) or catalogue(ENGLISH).get(key)
        if text is None:
            return key
        n = values.get("n")
        if isinstance(text, Mapping):
            form = self.formats.locale.plural_form(n if isinstance(n, int) else 0)
            text = text.get(form, text["other"])
        shown = {
            name: self.formats.whole(value) if type(value) is int else value
            for name, value in values.items()
        }
        return str(text).format_map(shown) if shown else str(text)

    def has(self, key: str) -> bool:
        """Whether English has a text for the key."""
        return key in catalogue(ENGLISH)


def codes() -> tuple[str, ...]:
    """The languages that there are, English first."""
    return tuple(sorted((path.stem for path in WORDS.glob("*.toml")), key=lambda c: (c != "en", c)))


@cache
def catalogue(code: str) -> Mapping[str, str | Mapping[str, str]]:
    """Key -> text, or the forms of a text that counts; empty for a language that there is not."""
    if code not in codes():
        return {}
    with (WORDS / f"{code}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file), ""))


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, str | Mapping[str, str]]]:
    found: list[tuple[str, str | Mapping[str, str]]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and "other" not in value:
            found += _flat(value, f"{key}.")
        else:
            found.append((key, value))
    return found


def language_for(accepted: str | None, chosen: str | None = None) -> Language:
    """The language for a browser's `Accept-Language`; `chosen` is what the reader picked.

    The locale is the reader's first one of that language, so that British and American readers
    each see their own dates.
    """
    known = codes()
    wanted = _preferred(accepted)
    code = chosen if chosen in known else None
    if code is None:
        code = next((base for tag in wanted if (base := tag.split("-")[0]) in known), ENGLISH)
    tags = [tag for tag in wanted if tag.split("-")[0] == code]
    return _language(code, tags[0] if tags else code)


@cache
def _language(code: str, tag: str) -> Language:
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        locale = Locale.parse(code)
    return Language(code, Formats(locale))


def _preferred(accepted: str | None) -> list[str]:
    """Tags of an `Accept-Language`, most wanted first; what is no tag is left out."""
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate((accepted or "")[:200].split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        if not all(piece.isalnum() and len(piece) <= 8 for piece in tag.split("-")):
            continue
        try:
            wanted = float(weight or 1)
        except ValueError:
            continue
        language, *rest = tag.split("-")
        region = next((piece.upper() for piece in rest if len(piece) == 2), None)
        found.append(
            (-wanted, place, f"{language.lower()}-{region}" if region else language.lower())
        )
    return [tag for _, _, tag in sorted(found)]
