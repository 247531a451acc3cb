"""No promotion to production between two dates: an example of a plugin that objects.

A plugin can object; it has no way to allow. AIMS_FREEZE is 'FROM/UNTIL', both dates included.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime

from aims_mlops.hookspecs import Objection, PromotionRequest
from aims_mlops.plugins import hookimpl


@hookimpl
def before_promotion_decided(request: PromotionRequest) -> Iterable[Objection]:
    """One objection while the freeze lasts."""
    window = os.environ.get("AIMS_FREEZE")
    if window is None or request.target != "production":
        return []
    first, last = (date.fromisoformat(text) for text in window.split("/"))
    today = datetime.now(UTC).date()
    if not first <= today <= last:
        return []
    return [
        Objection(
            rule="window",
            observed=f"{today} lies in the freeze from {first} to {last}",
            limit="a promotion outside the freeze",
            next_step=f"ask again after {last}",
            severity="minor",
        )
    ]
