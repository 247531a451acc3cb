"""Readiness: clauses 4 to 10 held against the log, who answers for what, and the five gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aims_mlops.management.readiness.checks import STATES
from aims_mlops.management.readiness.gaps import every_gap
from aims_mlops.management.readiness.path import stage_of
from aims_mlops.management.readiness.picture import picture_of
from aims_mlops.management.readiness.readiness import judge
from aims_mlops.management.reviews.pack import wrong_pack
from aims_mlops.report.readiness import CLAUSES, Picked, as_json
from aims_mlops.web.pages.reading import Reading


def readiness(reading: Reading) -> dict[str, Any]:
    """The 55 rows; `owner`, `clause` and `state` choose.

    Who may see some systems only is shown what the log has of these.
    """
    project = reading.project
    if reading.viewer.systems is not None:
        settings = project.settings.model_copy(update={"systems": reading.systems})
        project = replace(project, settings=settings)
    picture = picture_of(
        project,
        reading.find(),
        reading.now,
        wrong_pack=lambda pack: wrong_pack(reading.store, pack),
    )
    found = judge(picture)
    people = [person.id for person in picture.people]
    owner = reading.asked("owner")
    clause = reading.asked("clause")
    picked = Picked(
        found,
        stage_of(picture, found),
        every_gap(picture),
        owner=owner if owner in people else None,
        clause=clause if clause in CLAUSES else None,
    )
    state = reading.asked("state")
    said = as_json(picked)
    return {
        **said,
        "asked": {"owner": picked.owner or "", "clause": picked.clause or "", "state": state},
        "people": people,
        "clauses": [{"id": id_, "title": title} for id_, title in CLAUSES.items()],
        "known_states": list(STATES),
        "rows": [row for row in said["rows"] if not state or row["state"] == state],
    }
