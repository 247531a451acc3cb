"""A licence as somebody declared it, and whether SPDX knows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Licence:
    """A declared licence.

    identifier : the SPDX id, spelt as SPDX does, if it is one.  expression : the SPDX expression,
        if it is one of several ids.  Both None for other words, which stay as they are.
    """

    said: str
    identifier: str | None = None
    expression: str | None = None


def read_licence(said: str) -> Licence:
    """The licence in these words; no words that are not SPDX are turned into an id."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        found = str(canonicalize_license_expression(said))
    except InvalidLicenseExpression:
        return Licence(said)
    if " " in found or "(" in found:
        return Licence(said, expression=found)
    if found.startswith("LicenseRef-"):
        return Licence(said)
    return Licence(said, identifier=found)
