"""Which registry writes promote, by aims.yaml; who asks; and what each write is called."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from aims_mlops.inventory.project import Project, find_project

Kind = Literal["alias", "stage", "tag", "version"]

_RESERVED = "aims."


@dataclass(frozen=True, slots=True)
class Promotion:
    """A write that would promote a version.

    key : the alias, stage or tag; the name itself where a version is created in a production name.
    archives_others : whether other versions in the stage leave it with this.
    """

    kind: Kind
    name: str
    version: str | None
    key: str
    target: str
    archives_others: bool = False

    @property
    def words(self) -> str:
        """The write in words, as a refusal begins."""
        version = f"version {self.version}" if self.version else "a new version"
        thing = {
            "alias": f"setting alias {self.key!r} of {self.name!r} to {version}",
            "stage": f"moving {version} of {self.name!r} to stage {self.key!r}",
            "tag": f"setting tag {self.key!r} on {version} of {self.name!r}",
            "version": f"creating {version} of {self.name!r}",
        }[self.kind]
        return f"Promotion to {self.target} by {thing}"

    @property
    def permit(self) -> tuple[str, str, str, str]:
        """What the writer may change: the same words that the backstop sees in the database."""
        return (self.kind, self.name, self.key.casefold(), self.version or "")


class Guard:
    """The rules of aims.yaml as they stand now; a changed file counts at once.

    What is no text promotes nothing here: the store judges it, and the rows that it would write all
    the same are looked at once more below.
    """

    @property
    def project(self) -> Project:
        """The project whose aims.yaml has the rules."""
        return find_project()

    def alias_target(self, name: str, alias: str) -> str | None:
        """The target that an alias promotes to; None if anybody may set it.

        An alias that aims.yaml says nothing about gives its own name, for which no policy decides.
        """
        project = self.project
        rules = project.settings.registry
        if not readable(name, alias) or not rules.governs(name):
            return None
        target = project.target_name(alias)
        if target in project.settings.targets:
            return target
        return None if rules.is_free(alias) else alias

    def stage_target(self, name: str, stage: str | None) -> str | None:
        """The target that a stage promotes to: Production always, others by aims.yaml."""
        project = self.project
        stage = stage if readable(stage) else None
        if stage is None or not readable(name) or not project.settings.registry.governs(name):
            return None
        target = project.target_name(stage)
        if target in project.settings.targets:
            return target
        return stage if stage.strip().casefold() == "production" else None

    def tag_target(self, name: str, key: str, value: str | None) -> str | None:
        """The target that a tag of a version promotes to; None for an ordinary tag."""
        rules = self.project.settings.registry
        if not readable(name, key) or not rules.governs(name):
            return None
        return rules.target_of_tag(key, value)

    def name_target(self, name: str) -> str | None:
        """The target for which every version of a registered model is meant."""
        return self.project.settings.registry.target_of_name(name) if readable(name) else None

    def is_declared(self, name: str) -> bool:
        """Whether aims.yaml has a production name letter by letter, not by a pattern."""
        return name in self.project.settings.registry.production_names

    def governs(self, name: str) -> bool:
        """Whether a model of this name is gated."""
        return readable(name) and self.project.settings.registry.governs(name)


def is_reserved(key: str) -> bool:
    """Whether only aims-mlops itself may write a tag of this name."""
    return readable(key) and key.strip().casefold().startswith(_RESERVED)


def readable(*values: object) -> bool:
    """Whether a request says these things in text, as every readable one does."""
    return all(isinstance(value, str) for value in values)


def requester(project: Project) -> str:
    """Whoever is logged in to the server, by basic-auth; a claim of the client does not count."""
    flask = sys.modules.get("flask")
    if flask is not None and flask.has_request_context():
        user = getattr(flask.g, "mlflow_authenticated_user", None)
        if isinstance(user, str) and user:
            return project.human(user)
        return "mlflow:unauthenticated"
    from aims_mlops.inventory.actor import current_actor

    return current_actor(project)
