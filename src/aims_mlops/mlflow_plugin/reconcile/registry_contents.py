"""What a registry of MLflow holds that promotes, and taking it away again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aims_mlops.errors import GovernanceError
from aims_mlops.evidence.urls import without_credentials
from aims_mlops.inventory.declared.person import pseudonym
from aims_mlops.inventory.project import Project
from aims_mlops.mlflow_plugin.client.availability import assert_answers, without_telemetry
from aims_mlops.mlflow_plugin.client.model_uris import digested, stamp_of
from aims_mlops.mlflow_plugin.reconcile.differences import RegistryPromotion
from aims_mlops.mlflow_plugin.registry.promotion_rules import Guard, is_reserved

_ARCHIVED = "Archived"


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry, read through a client of MLflow.

    url : for people, without credentials.
    """

    client: Any
    url: str

    @classmethod
    def at(cls, registry_uri: str | None) -> Registry:
        """The registry behind a URI, else the one that MLflow is set to."""
        without_telemetry()
        import mlflow

        url = registry_uri or str(mlflow.get_registry_uri())
        assert_answers(url)
        client = mlflow.MlflowClient(registry_uri=registry_uri)
        return cls(client, without_credentials(url.removeprefix("aims://")))

    def names(self) -> list[str]:
        """Names of every registered model."""
        return [model.name for model in self._models()]

    def held(self, guard: Guard) -> Iterator[RegistryPromotion]:
        """Everything that promotes, by the rules of aims.yaml, with the content that it holds."""
        for model in self._models():
            if not guard.governs(model.name):
                continue
            yield from self._of_tags(guard, model)
            versions = {str(v.version): v for v in self._versions(model.name)}
            found: list[tuple[Any, ...]] = []
            for alias, number in dict(model.aliases).items():
                target = guard.alias_target(model.name, alias)
                if target is not None:
                    found.append(("alias", str(number), alias, target))
            for number, version in versions.items():
                found += self._of_version(guard, model.name, number, version)
            contents: dict[str, tuple[str | None, str | None]] = {}
            for route, number, key, target in found:
                held_version: Any = versions.get(number)
                if number not in contents:
                    contents[number] = self._content(model.name, number, held_version)
                sha256, problem = contents[number]
                yield RegistryPromotion(
                    route=route,
                    name=model.name,
                    version=number,
                    key=key,
                    target=target,
                    sha256=sha256,
                    created_at=stamp_of(held_version.creation_timestamp) if held_version else None,
                    problem=problem,
                    about=_about(held_version, guard.project),
                )

    def demote(self, held: RegistryPromotion) -> str:
        """Take a promotion away and say so in words.

        Raises GovernanceError for what is left to people, and what the registry raises.
        """
        if held.route == "alias":
            self.client.delete_registered_model_alias(held.name, held.key)
            return f"alias {held.key!r} is deleted"
        if held.route == "stage":
            with warnings.catch_warnings():  # MLflow wants nobody to use stages any more
                warnings.simplefilter("ignore", FutureWarning)
                self.client.transition_model_version_stage(held.name, held.version, _ARCHIVED)
            return f"moved to stage {_ARCHIVED!r}"
        if held.route == "tag":
            self.client.delete_model_version_tag(held.name, held.version, held.key)
            return f"tag {held.key!r} is deleted"
        if held.route == "model-tag":
            self.client.delete_registered_model_tag(held.name, held.key)
            return f"tag {held.key!r} of the registered model is deleted"
        if held.route == "version":
            raise GovernanceError(
                "a version under a production name is demoted only by deleting it, which is left "
                "to people"
            )
        raise GovernanceError("this is removed by hand, after somebody has looked at it")

    # ---- reading

    def _of_tags(self, guard: Guard, model: Any) -> Iterator[RegistryPromotion]:
        for key, value in dict(model.tags).items():
            target = guard.tag_target(model.name, key, value)
            about = (f"last changed at {stamp_of(model.last_updated_timestamp)}",)
            if target is not None:
                yield RegistryPromotion(
                    route="model-tag",
                    name=model.name,
                    version=None,
                    key=key,
                    target=target,
                    about=about,
                )
            elif is_reserved(key):
                yield RegistryPromotion(
                    route="reserved-tag",
                    name=model.name,
                    version=None,
                    key=key,
                    target=None,
                    about=about,
                )

    def _of_version(
        self, guard: Guard, name: str, number: str, version: Any
    ) -> Iterator[tuple[Any, ...]]:
        target = guard.stage_target(name, version.current_stage)
        if target is not None:
            yield "stage", number, str(version.current_stage), target
        for key, value in dict(version.tags).items():
            target = guard.tag_target(name, key, value)
            if target is not None:
                yield "tag", number, key, target
            elif is_reserved(key):
                yield "reserved-tag", number, key, None
        target = guard.name_target(name)
        if target is not None:
            yield "version", number, name, target

    def _content(self, name: str, number: str, version: Any) -> tuple[str | None, str | None]:
        if version is None:
            return None, f"the registry has no version {number} of {name!r}"
        try:
            location = self.client.get_model_version_download_uri(name, number)
            with digested(location) as (found, _):
                if not found.files:
                    return None, "its folder is empty"
                return found.sha256, None
        except Exception as error:  # noqa: BLE001  one unreadable model must not hide the others
            return None, f"its files cannot be read: {type(error).__name__}: {error}"

    def _models(self) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_registered_models(max_results=100, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _versions(self, name: str) -> Iterator[Any]:
        quoted = name.replace("'", "\\'")
        token = None
        while True:
            page = self.client.search_model_versions(
                f"name = '{quoted}'", max_results=1000, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def _about(version: Any, project: Project) -> tuple[str, ...]:
    """What the registry tells of a version; an account that nobody lists, as a pseudonym."""
    if version is None:
        return ()
    who = ""
    if user := getattr(version, "user_id", None):
        person = project.person(str(user))
        who = f" by {person.id if person is not None else pseudonym(str(user))}"
    facts = [f"the registry has it as created at {stamp_of(version.creation_timestamp)}{who}"]
    if version.last_updated_timestamp != version.creation_timestamp:
        facts.append(f"last changed at {stamp_of(version.last_updated_timestamp)}")
    return tuple(facts)
