"""Dates and numbers as the reader's own country writes them, by the data of CLDR."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aims_mlops.evidence import clock

if TYPE_CHECKING:
    from babel import Locale

NOT_KNOWN = "–"


class Formats:
    """Of one locale, such as 'en_GB' or 'de_AT'. Times are UTC, and say so."""

    def __init__(self, locale: Locale) -> None:
        self.locale = locale

    def day(self, text: str | None) -> str:
        """The day of an RFC 3339 time or of a date; the text itself if it is neither."""
        from babel.dates import format_date

        moment = _moment(text)
        return text or NOT_KNOWN if moment is None else format_date(moment, "medium", self.locale)

    def moment(self, text: str | None) -> str:
        """Day and time of an RFC 3339 time, in UTC."""
        from babel.dates import format_datetime

        moment = _moment(text)
        if moment is None:
            return text or NOT_KNOWN
        return f"{format_datetime(moment, 'medium', UTC, self.locale)} UTC"

    def clock(self, text: str | None) -> str:
        """The time of day, in UTC."""
        from babel.dates import format_time

        moment = _moment(text)
        return NOT_KNOWN if moment is None else format_time(moment, "short", UTC, self.locale)

    def whole(self, value: float | None) -> str:
        """A count, with the separators of the locale."""
        from babel.numbers import format_decimal

        return NOT_KNOWN if value is None else format_decimal(value, "#,##0", self.locale)

    def figure(self, value: float | None) -> str:
        """A measured number to three places, or to three digits where it is small or large."""
        from babel.numbers import format_decimal, format_scientific

        if value is None:
            return NOT_KNOWN
        size = abs(value)
        if value == int(value) and 2 <= size < 1e15:
            return format_decimal(value, "#,##0", self.locale)
        if size and not 0.001 <= size < 1e6:
            return format_scientific(value, "0.##E0", self.locale)
        return format_decimal(value, "#,##0.000" if size < 1_000 else "#,##0.#", self.locale)

    def size(self, value: float | None) -> str:
        """Bytes in decimal units."""
        from babel.numbers import format_decimal

        if value is None:
            return NOT_KNOWN
        for unit in ("B", "kB", "MB", "GB"):
            if value < 1_000:
                pattern = "#,##0" if unit == "B" else "#,##0.#"
                return f"{format_decimal(value, pattern, self.locale)} {unit}"
            value /= 1_000
        return f"{format_decimal(value, '#,##0.#', self.locale)} TB"


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return clock.parse(text if "T" in text else f"{text}T00:00:00Z").astimezone(UTC)
    except ValueError:
        return None
