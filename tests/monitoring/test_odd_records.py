"""Records of a strange form in the log: schedules and alarms are computed all the same."""

from __future__ import annotations

import json
from typing import Any

from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.inventory.project import find_project


def test_system_id_that_aims_yaml_could_not_have_breaks_no_alarm(loans: Any) -> None:
    loans.at(1)
    find_project().open_store().append(
        Evidence(
            kind="monitoring-schedule",
            subjects=(Subject.of_name("monitor:x"),),
            body={"event": "begun", "monitor": "daily"},
            actor="ana",
            claimed_at="2026-01-06T07:00:00.000000Z",
            system="<b>Not an id</b>",
        )
    )
    code, said = loans.aims("monitor", "status", "--json")
    assert code in (0, 1), said
    assert any(s["system"] == "loans" for s in json.loads(said)["schedules"])
