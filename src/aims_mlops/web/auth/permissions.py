"""What each role may do in the console: one table, asked in one place.

A role is one that aims.yaml gives a person; `owner` is also whoever a system names as its owner,
and `risk-owner` whoever it names as that. A person without a role reads. An administrator may not
approve by being one.
"""

from __future__ import annotations

from collections.abc import Mapping

READER = "reader"  # everybody whom aims.yaml names
_WRITERS = frozenset(("developer", "data-scientist", "owner", "risk-owner", "aims-manager"))
_MANAGERS = frozenset(
    ("aims-manager", "risk-owner", "owner", "top-management", "internal-auditor", "data-owner")
)
_AUDITORS = frozenset(("internal-auditor", "external-auditor"))

ACTIONS: Mapping[str, frozenset[str]] = {
    "read": frozenset((READER,)),
    "read-personal": _WRITERS | _MANAGERS | _AUDITORS,
    "export": _WRITERS | _MANAGERS | _AUDITORS,
    "draft": _WRITERS,
    "submit": _WRITERS,
    "review": _WRITERS | _MANAGERS,
    "approve": frozenset(("risk-owner", "aims-manager", "top-management")),
    "register": _MANAGERS | {"line-manager"},
    "administer": frozenset(("admin",)),
}


def is_allowed(action: str, roles: frozenset[str]) -> bool:
    """Whether somebody of these roles may do this; nothing is allowed that the table lacks."""
    return bool(ACTIONS.get(action, frozenset()) & (roles | {READER}))
