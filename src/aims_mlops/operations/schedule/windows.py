"""Where windows begin and end: on the clock of a time zone, by months of the calendar or by spans.

Windows follow the wall clock: a day on which the clock is put back has 25 hours. Weeks begin on
Monday, months on the first. Moments that come in and go out are aware, in UTC. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from aims_mlops.inventory.declared.monitor import Monitor, months, span

_DAY = timedelta(days=1)
_MONDAY = datetime(1970, 1, 5)
_MIDNIGHT = datetime(1970, 1, 1)


def zone_of(monitor: Monitor) -> tzinfo:
    """The time zone of a monitor's days; UTC if it names none."""
    return UTC if monitor.time_zone is None else ZoneInfo(monitor.time_zone)


def ends(monitor: Monitor, begin: datetime, stop: datetime) -> Iterator[datetime]:
    """Ends of windows after `begin`, up to and including `stop`."""
    place = _place(monitor, begin) + 1
    last = begin
    while (end := _boundary(monitor, place)) <= stop:
        if end > last:  # an hour that the clock skipped has no window
            yield end
            last = end
        place += 1


def end_after(monitor: Monitor, moment: datetime) -> datetime:
    """The end of the window that a moment lies in."""
    place = _place(monitor, moment) + 1
    while (end := _boundary(monitor, place)) <= moment:
        place += 1
    return end


def start_of(monitor: Monitor, end: datetime) -> datetime:
    """The start of the window that ends then."""
    said = monitor.window or monitor.every
    local = end.astimezone(zone_of(monitor)).replace(tzinfo=None)
    if count := months(said):
        first = local.year * 12 + local.month - 1 - count
        return _in_utc(datetime(first // 12, first % 12 + 1, 1), monitor)
    if monitor.window is None:
        place = _place(monitor, end) - 1
        while (start := _boundary(monitor, place)) >= end:
            place -= 1
        return start
    length = span(said)
    return _in_utc(local - length, monitor) if length % _DAY == timedelta(0) else end - length


def _place(monitor: Monitor, moment: datetime) -> int:
    """Number of the boundary at or before a moment, counted from 1970 on the wall clock."""
    local = moment.astimezone(zone_of(monitor)).replace(tzinfo=None)
    if count := months(monitor.every):
        return ((local.year - 1970) * 12 + local.month - 1) // count
    return (local - _origin(monitor)) // monitor.step


def _boundary(monitor: Monitor, place: int) -> datetime:
    if count := months(monitor.every):
        month = place * count
        return _in_utc(datetime(1970 + month // 12, month % 12 + 1, 1), monitor)
    return _in_utc(_origin(monitor) + place * monitor.step, monitor)


def _origin(monitor: Monitor) -> datetime:
    return _MONDAY if monitor.step % (7 * _DAY) == timedelta(0) else _MIDNIGHT


def _in_utc(local: datetime, monitor: Monitor) -> datetime:
    return local.replace(tzinfo=zone_of(monitor)).astimezone(UTC)
