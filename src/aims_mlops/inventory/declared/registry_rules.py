"""Which writes to a model registry count as a promotion: `registry` in aims.yaml."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field, StringConstraints

from aims_mlops.documents.problems import Section

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class RegistryRules(Section):
    """What the gate inside a registry looks at; letter case never matters.

    models : patterns of registered names that it looks at; every name if left out.
    free_aliases : aliases that anybody may set. Every other alias is a promotion, so that a name
        which nobody thought of is not a way around.
    production_names : pattern of a registered name -> target; each version of it is promoted.
    promoting_tags : `key` or `key=value` of a version's tag -> target.
    """

    models: tuple[Pattern, ...] = ("*",)
    free_aliases: tuple[Pattern, ...] = ()
    production_names: dict[Pattern, Pattern] = Field(default_factory=dict)
    promoting_tags: dict[Pattern, Pattern] = Field(default_factory=dict)

    def governs(self, name: str) -> bool:
        """Whether the gate looks at a registered model of this name."""
        return _first(name, self.models) is not None or self.target_of_name(name) is not None

    def is_free(self, alias: str) -> bool:
        """Whether anybody may set this alias."""
        return alias.casefold() in {free.casefold() for free in self.free_aliases}

    def target_of_name(self, name: str) -> str | None:
        """The target for which every version of this name is meant; None for an ordinary name."""
        pattern = _first(name, self.production_names)
        return None if pattern is None else self.production_names[pattern]

    def target_of_tag(self, key: str, value: str | None) -> str | None:
        """The target to which a tag promotes; None for an ordinary tag."""
        said = {key.casefold(), f"{key}={value}".casefold()}
        return next((t for tag, t in self.promoting_tags.items() if tag.casefold() in said), None)


def _first(name: str, patterns: Iterable[str]) -> str | None:
    folded = name.casefold()
    return next((p for p in patterns if fnmatchcase(folded, p.casefold())), None)
