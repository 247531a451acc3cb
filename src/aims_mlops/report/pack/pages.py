"""The pages of a pack, each one file, with links that lead from one to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aims_mlops.evidence.controls import CONTROLS
from aims_mlops.report.pack.contents import EACH, Contents
from aims_mlops.report.pack.sample import HOW, drawn, place
from aims_mlops.report.render import page


@dataclass(frozen=True, slots=True)
class Front:
    """What the start page says: made at, by which version; the log's checkpoint; other files."""

    made_at: str
    made_by: str
    checkpoint: str
    bundles: tuple[str, ...]
    reports: tuple[tuple[str, str], ...]


def pages(contents: Contents, front: Front, *, single_user: bool = False) -> Mapping[str, str]:
    """Path in the pack -> page."""
    shown = contents.shown
    found = {
        "index.html": _page(
            "pack_start.html.j2",
            single_user,
            contents=contents,
            front=front,
            controls=CONTROLS,
        ),
        "promotions.html": _page(
            "pack_promotions.html.j2",
            single_user,
            contents=contents,
            drawn={one.record.id for one in contents.sample},
            how=HOW,
        ),
    }
    for of_control in contents.controls:
        found[f"controls/{of_control.control}.html"] = _page(
            "pack_control.html.j2",
            single_user,
            found=of_control,
            control=CONTROLS[of_control.control],
            each=EACH,
        )
    sampled = {one.record.id: one for one in contents.sample}
    for id_, record in shown.items():
        found[f"records/{id_}.html"] = _page(
            "pack_record.html.j2",
            single_user,
            record=record,
            statement=json.dumps(record.evidence.to_statement(), indent=2, ensure_ascii=True),
            named=[shown[other] for other in _ids(record.evidence.body) if other in shown],
            promotion=sampled.get(id_),
            bundles=front.bundles,
        )
    return found


def promotions_json(contents: Contents) -> dict[str, Any]:
    """The list and the draw, for whoever draws again."""
    chosen = {r.id for r in drawn(contents.promotions, len(contents.sample), contents.seed)}
    return {
        "format": "aims-promotions/1",
        "seed": contents.seed,
        "how": HOW,
        "from": contents.period.first,
        "before": contents.period.last,
        "promotions": [
            {
                "id": record.id,
                "received_at": record.received_at,
                "system": record.evidence.system,
                "name": record.evidence.body.get("name"),
                "version": record.evidence.body.get("version"),
                "alias": record.evidence.body.get("alias"),
                "decision": record.evidence.body.get("decision"),
                "place": place(record.id, contents.seed),
                "drawn": record.id in chosen,
            }
            for record in contents.promotions
        ],
    }


def _page(template: str, single_user: bool, **values: Any) -> str:
    return page.html(template, single_user=single_user, **values)


def _ids(value: Any) -> list[str]:
    """Every text of 64 digits in a body, which may be the id of another record."""
    if isinstance(value, Mapping):
        return [id_ for part in value.values() for id_ in _ids(part)]
    if isinstance(value, (list, tuple)):
        return [id_ for part in value for id_ in _ids(part)]
    return [value] if isinstance(value, str) and len(value) == 64 else []
