"""Setting one rule aside for a standing waiver."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import replace

from aims_mlops.approvals.waiver import Waiver
from aims_mlops.gates.decision.reason import Reason
from aims_mlops.policy.policy import Policy


def waived(reason: Reason, policy: Policy, waivers: Mapping[str, Waiver]) -> Reason:
    """The reason, marked with the waiver that stands for its rule, if there is one.

    Only required evidence and rules on figures can be waived: never consent, the assessment, an
    objection, or an error.
    """
    waivable = {row.id for row in (*policy.requires, *policy.rules)}
    waiver = waivers.get(reason.rule)
    if waiver is None or reason.rule not in waivable or reason.outcome in ("pass", "error"):
        return reason
    if any(fnmatch.fnmatchcase(reason.rule, pattern) for pattern in policy.waivers.never):
        return reason
    return replace(reason, waived_by=waiver.record)
