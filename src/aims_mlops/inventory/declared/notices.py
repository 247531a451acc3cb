"""Who is told when something is wrong: `notices` in aims.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from aims_mlops.documents.problems import Section

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]


class Recipient(Section):
    """Where notices go.

    urls_from : environment variable with addresses of Apprise, one a word: they hold secrets, which
        do not belong in aims.yaml.  least : the least severity that is told.
    """

    urls_from: Variable
    least: Literal["minor", "major"] = "minor"
