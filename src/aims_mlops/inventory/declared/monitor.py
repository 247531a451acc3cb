"""What is measured of a system in production, and how often: its `monitoring` in aims.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from aims_mlops.documents.problems import Section

Span = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}[mhdw]$")]
Cadence = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,3}[mhdw]|([1-46]|12)mo)$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Measure = Literal["drift", "quality", "volume", "bias", "performance"]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FIELDS = re.compile(r"\{([^{}]*)\}")
_DAY = timedelta(days=1)


def months(text: str) -> int:
    """How many months of the calendar `1mo` or `3mo` are; 0 for a span."""
    return int(text[:-2]) if text.endswith("mo") else 0


def span(text: str) -> timedelta:
    """A span such as `6h`, `1d` or `2w`; of months, as long as they may be."""
    if count := months(text):
        return timedelta(days=31 * count)
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name).key == name
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder
        return False


class Monitor(Section):
    """One schedule: what is measured over which windows, held against what, told to whom.

    every : how often, as `15m`, `6h`, `1d`, `2w`, or months of the calendar, `1mo` (or 2, 3, 4, 6,
        12); windows are aligned to midnight, those of weeks to Monday, of months to the first.
    time_zone : whose midnight, such as `Europe/Berlin`; UTC if left out. {day} and {hour} are of
        its clock too.
    window : how far back a run looks; as far as `every` if left out.
    delay : after the end of a window, until its data are there.
    grace : after that, a run that has not happened counts as missed; `every` if left out.
    data : files of a window, with {day} (2026-11-21), {hour} (00 to 23) and {month} (2026-11) of
        each day, hour or month in it, and * as in a shell; relative to aims.yaml, or a URL that
        fsspec reads. The system's own inference log if left out.
    reference : what drift is measured against: a record id, a file, or `latest`, the newest
        reference profile of the system.
    labels : files of a window with labels that come later, joined by `key`; `label` is the column.
        Left out where `data` is: the labels of the inference log.
    labels_delay : after the end of a window, until its labels are there.
    suite : quality suite of the batch.  limits : a policy, path or pack, whose rules on figures
        each run is held against.
    persistence : runs in a row that must find drift before it is told.
    rows_min : a smaller volume is told.
    late_files : for how long after a window files that come for it are still measured.
    plots : draw pictures into the store: where drift is `found`, `always` or `never`.
    tell : which of `notices` are told; every one if left out.
    """

    id: Name = "default"
    every: Cadence = "1d"
    time_zone: Text | None = None
    window: Cadence | None = None
    delay: Span | None = None
    grace: Span | None = None
    data: Text | None = None
    reference: Text = "latest"
    measures: tuple[Measure, ...] = ("drift", "volume")
    prediction: Text | None = None
    score: Text | None = None
    label: Text | None = None
    positive: str | int | bool | None = None
    sensitive: tuple[Text, ...] = ()
    columns: tuple[Text, ...] = ()
    key: Text = "request_id"
    labels: Text | None = None
    labels_delay: Span = "1d"
    suite: Text | None = None
    limits: Text | None = None
    persistence: Annotated[int, Field(ge=1, le=1000)] = 3
    rows_min: Annotated[int, Field(ge=1)] = 1
    late_files: Span = "7d"
    plots: Literal["found", "always", "never"] = "found"
    tell: tuple[Text, ...] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (self.step % _DAY == timedelta(0) or _DAY % self.step == timedelta(0)):
            raise ValueError(
                f"every {self.every} neither divides a day nor is whole days; windows would drift"
            )
        if self.length < self.step:
            raise ValueError(f"a window of {self.window} leaves out data, with every {self.every}")
        if not self.measures:
            raise ValueError("measures is empty; leave it out for drift and volume")
        for field, template in (("data", self.data), ("labels", self.labels)):
            unknown = set(_FIELDS.findall(template or "")) - {"day", "hour", "month"}
            if unknown:
                raise ValueError(
                    f"{field} has {{{min(unknown)}}}; "
                    "only {day}, {hour} and {month} are known"
                )
        if self.time_zone is not None and not _is_zone(self.time_zone):
            raise ValueError(f"no time zone is called {self.time_zone!r}, as Europe/Berlin is")
        for measure, field in (("bias", "sensitive"), ("bias", "prediction")):
            if measure in self.measures and not getattr(self, field):
                raise ValueError(f"measure {measure} needs {field}")
        if self.data is None and self.labels is not None:
            raise ValueError("labels needs data; those of the inference log are found without it")
        if "performance" in self.measures and (
            self.label is None or (self.prediction is None and self.score is None)
        ):
            raise ValueError("measure performance needs label, and prediction or score")
        return self

    def oddities(self) -> Iterator[str]:
        """What is allowed and most likely not meant, for `aims lint`."""
        hours = self.step < _DAY
        for field, template in (("data", self.data), ("labels", self.labels)):
            if template is None:
                continue
            known = set(_FIELDS.findall(template))
            if hours and "hour" not in known:
                yield f"{field} has no {{hour}}: every {self.every}, a window reads the whole day"
            elif self.step < timedelta(hours=1):
                yield f"{field} cannot tell windows of {self.every} apart: {{hour}} is the finest"
            elif hours and "day" not in known:
                yield f"{field} has {{hour}} and no {{day}}: it reads that hour of every day"
            elif not hours and not known:
                yield f"{field} names no {{day}}: each window reads the same files"

    @property
    def step(self) -> timedelta:
        """The time from one run to the next."""
        return span(self.every)

    @property
    def length(self) -> timedelta:
        """The length of the window that each run looks at."""
        return self.step if self.window is None else span(self.window)

    @property
    def wait(self) -> timedelta:
        """From the end of a window to when its run is due."""
        return timedelta(0) if self.delay is None else span(self.delay)

    @property
    def patience(self) -> timedelta:
        """From when a run is due to when it counts as missed."""
        return self.step if self.grace is None else span(self.grace)

    @property
    def awaits_labels(self) -> bool:
        """Whether a second run follows when the labels have come."""
        return self.label is not None and (self.labels is not None or self.data is None)
