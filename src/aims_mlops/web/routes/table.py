"""Every page: its address, what one may have to do to see it, its template, and its data.

A page is a function of what it reads, which gives plain data: that is what its JSON twin answers,
and all that its HTML shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aims_mlops.web.pages.assessment.form import assessment
from aims_mlops.web.pages.assessment.review import review
from aims_mlops.web.pages.controls import controls
from aims_mlops.web.pages.evidence import evidence, record
from aims_mlops.web.pages.model import model
from aims_mlops.web.pages.monitoring import monitoring, window
from aims_mlops.web.pages.people import administration, people
from aims_mlops.web.pages.readiness import readiness
from aims_mlops.web.pages.reading import Reading
from aims_mlops.web.pages.registers.form import add, change
from aims_mlops.web.pages.registers.lists import entries, entry, registers
from aims_mlops.web.pages.reports import reports
from aims_mlops.web.pages.system import system
from aims_mlops.web.pages.systems import systems
from aims_mlops.web.pages.waiting import waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page. path : below /console, and below /v1/console for the twin.

    name : of its template and its words.  action : what `may` asks for.
    menu : whether it is one of the pages that each page leads to.
    """

    path: str
    name: str
    model: Callable[[Reading], dict[str, Any]]
    action: str = "read"
    menu: bool = False
    template: str = ""

    @property
    def template_file(self) -> str:
        """The template that draws it: the one of its name, if no other is named."""
        return f"{self.template or self.name}.html.j2"


PAGES: tuple[Page, ...] = (
    Page(path="", name="waiting", model=waiting, menu=True),
    Page(path="/systems", name="systems", model=systems, menu=True),
    Page(path="/systems/{system}", name="system", model=system),
    Page(path="/models/{model}", name="model", model=model),
    Page(path="/models/{model}/assessment", name="assessment", model=assessment, action="draft"),
    Page(path="/models/{model}/review", name="review", model=review),
    Page(path="/evidence", name="evidence", model=evidence, menu=True),
    Page(path="/records/{record}", name="record", model=record),
    Page(path="/controls", name="controls", model=controls, menu=True),
    Page(path="/readiness", name="readiness", model=readiness, menu=True),
    Page(path="/monitoring", name="monitoring", model=monitoring, menu=True),
    Page(path="/monitoring/{record}", name="window", model=window),
    Page(path="/registers", name="registers", model=registers, menu=True),
    Page(path="/registers/{register}", name="entries", model=entries),
    Page(
        path="/registers/{register}/add",
        name="add",
        template="entry_form",
        model=add,
        action="register",
    ),
    Page(path="/registers/{register}/entries/{entry}", name="entry", model=entry),
    Page(
        path="/registers/{register}/entries/{entry}/change",
        name="change",
        template="entry_form",
        model=change,
        action="register",
    ),
    Page(path="/reports", name="reports", model=reports, action="export", menu=True),
    Page(path="/people", name="people", model=people, menu=True),
    Page(
        path="/administration",
        name="administration",
        model=administration,
        action="administer",
        menu=True,
    ),
)
