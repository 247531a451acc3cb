"""Systems: the inventory, what is in use of each, and what is wrong with it now."""

from __future__ import annotations

from collections import Counter
from typing import Any

from aims_mlops.alarms.expiry import every_alarm
from aims_mlops.evidence.kinds import USE_KINDS
from aims_mlops.operations.in_use import InUse, in_use
from aims_mlops.operations.nonconformity import nonconformities
from aims_mlops.web.pages.reading import Reading, text_matches
from aims_mlops.web.render.environment import address

TIERS = ("high", "limited", "minimal")


def systems(reading: Reading) -> dict[str, Any]:
    """Every system that the viewer may see; `q`, `tier` and `wrong` choose among them."""
    uses: dict[str, list[InUse]] = {}
    for use in in_use(reading.find(kind=USE_KINDS)):
        uses.setdefault(use.system or "", []).append(use)
    alarms = Counter(a.system for a in every_alarm(reading.store, reading.project, reading.now))
    open_ = Counter(n.system for n in nonconformities(reading.store) if n.is_open)
    declared = {system.id: system for system in reading.systems}
    ids = [*declared, *sorted(id_ for id_ in uses if id_ and id_ not in declared)]
    rows: list[dict[str, Any]] = []
    for id_ in ids:
        system = declared.get(id_)
        rows.append(
            {
                "id": id_,
                "title": system.title if system else "",
                "declared": system is not None,
                "purpose": system.purpose if system else "",
                "tier": system.risk_tier if system else None,
                "owner": system.owner if system else "",
                "risk_owner": system.risk_owner if system else "",
                "in_use": [use.words for use in uses.get(id_, [])],
                "alarms": alarms[id_],
                "nonconformities": open_[id_],
                "page": address("systems", id_),
            }
        )
    asked, tier, wrong = reading.asked("q"), reading.asked("tier"), reading.asked("wrong")
    shown = [
        row
        for row in rows
        if text_matches(asked, [row["id"], row["title"], row["purpose"], row["owner"]])
        and (not tier or row["tier"] == tier)
        and (not wrong or row["alarms"] or row["nonconformities"])
    ]
    return {
        "asked": {"q": asked, "tier": tier, "wrong": wrong},
        "tiers": list(TIERS),
        "systems": shown,
        "of": len(rows),
    }
