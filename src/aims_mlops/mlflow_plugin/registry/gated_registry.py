"""MLflow's own registry store with the gate in front of every write that can promote.

Each method asks which target the write would promote to. None: MLflow's method runs as it is. Else
the gate decides, and the write happens inside the append of the decision's record
(`gates.atomic_promotion`). A request that cannot be read goes to MLflow's method, which says why.
What is not listed here either cannot promote or takes a promotion away; `orm_backstop` holds the
same rules once more over the rows that are written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.gates.gate import gate
from aims_mlops.mlflow_plugin.registry.outcome_log import NotedOutcomes
from aims_mlops.mlflow_plugin.registry.promotion_rules import (
    Promotion,
    is_reserved,
    readable,
    requester,
)
from aims_mlops.mlflow_plugin.registry.refusals import broken, forbidden, refusal
from aims_mlops.mlflow_plugin.registry.version_content import (
    file_marks,
    reference_of,
    reference_of_source,
)

_logger = logging.getLogger(__name__)


class GatedRegistry(NotedOutcomes):
    """The methods of MLflow's registry store that can promote; goes in front of a real store."""

    # ---- aliases, stages and tags of a version

    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> Any:
        """Promote if the alias means a target; else as MLflow does."""
        method = self._next("set_registered_model_alias")
        target = self._asked(lambda: self.aims_guard.alias_target(name, alias))
        if target is None or not _is_version(version):
            return method(name, alias, version)
        _assert_alias(alias)
        version = _number(version)
        self._next("get_model_version")(name, version)
        before = self._aliases(name).get(alias)

        def undo() -> None:
            if before is None:
                self._next("delete_registered_model_alias")(name, alias)
            else:
                method(name, alias, before)

        wanted = Promotion("alias", name, version, alias, target)
        return self._promote(wanted, lambda: method(name, alias, version), undo)

    def transition_model_version_stage(
        self, name: str, version: Any, stage: str, archive_existing_versions: bool
    ) -> Any:
        """Promote if the stage means a target; else as MLflow does."""
        method = self._next("transition_model_version_stage")
        target = self._asked(lambda: self.aims_guard.stage_target(name, stage))
        if target is None or not _is_version(version):
            held = self._held(name, _number(version), "stage")
            done = method(name, version, stage, archive_existing_versions)
            self._note_gone(held)
            return done
        version = _number(version)
        before = self._next("get_model_version")(name, version).current_stage
        archives = bool(archive_existing_versions)
        wanted = Promotion("stage", name, version, stage, target, archives_others=archives)
        return self._promote(
            wanted,
            lambda: method(name, version, stage, archive_existing_versions),
            lambda: method(name, version, before, False),
        )

    def set_model_version_tag(self, name: str, version: Any, tag: Any) -> Any:
        """Promote if the tag means a target; refuse reserved ones."""
        self._refuse_reserved(name, [tag])
        method = self._next("set_model_version_tag")
        target = self._asked(lambda: self.aims_guard.tag_target(name, *_said(tag)))
        if target is None or not _is_version(version):
            return method(name, version, tag)
        version = _number(version)
        wanted = Promotion("tag", name, version, tag.key, target)
        return self._promote(
            wanted,
            lambda: method(name, version, tag),
            lambda: self._next("delete_model_version_tag")(name, version, tag.key),
        )

    def delete_model_version_tag(self, name: str, version: Any, key: str) -> Any:
        """Delete a tag; one that promoted is noted as taken away."""
        self._refuse_reserved_key(name, key)
        held = self._held(name, _number(version), "tag", key)
        done = self._next("delete_model_version_tag")(name, version, key)
        self._note_gone(held)
        return done

    def delete_registered_model_alias(self, name: str, alias: str) -> Any:
        """Taking an alias away stays open to everybody; the log keeps that it happened."""
        before = self._aliases(name).get(alias) if readable(name, alias) else None
        done = self._next("delete_registered_model_alias")(name, alias)
        target = self._asked(lambda: self.aims_guard.alias_target(name, alias))
        if target is not None and before is not None:
            self._note(Promotion("alias", name, str(before), alias, target), "removed", None, None)
        return done

    def delete_model_version(self, name: str, version: Any) -> Any:
        """A deletion stays open, too; what it takes away is kept in the log."""
        held = self._held(name, _number(version))
        done = self._next("delete_model_version")(name, version)
        self._note_gone(held)
        return done

    # ---- registered models

    def delete_registered_model(self, name: str) -> Any:
        """As the deletion of each of its versions."""
        held = self._held(name, None)
        done = self._next("delete_registered_model")(name)
        self._note_gone(held)
        return done

    def create_registered_model(self, name: str, tags: Any = None, *rest: Any, **more: Any) -> Any:
        """Create a model, with the grant that a governed name needs."""
        self._refuse_reserved(name, tags)
        self._refuse_promoting_tags(name, tags)
        target = self._asked(lambda: self.aims_guard.name_target(name))
        if target is not None and not self.aims_guard.is_declared(name):
            raise forbidden(
                f"Creating the registered model {name!r}",
                f"every version under this name would be promoted to {target}, and the name is not "
                "declared letter by letter",
                "declare it under registry.production_names in the server's aims.yaml",
                rule="registry.production-name",
            )
        if not readable(name):
            return self._next("create_registered_model")(name, tags, *rest, **more)
        with self._permitted(("model", name, "", "")):
            return self._next("create_registered_model")(name, tags, *rest, **more)

    def set_registered_model_tag(self, name: str, tag: Any) -> Any:
        """Set a tag of a model; refuse reserved ones and those that promote."""
        self._refuse_reserved(name, [tag])
        self._refuse_promoting_tags(name, [tag])
        return self._next("set_registered_model_tag")(name, tag)

    def delete_registered_model_tag(self, name: str, key: str) -> Any:
        """Delete a tag of a model; refuse reserved ones."""
        self._refuse_reserved_key(name, key)
        return self._next("delete_registered_model_tag")(name, key)

    def rename_registered_model(self, name: str, new_name: str) -> Any:
        """Rename a model, unless rules about its names or versions stand against it."""
        method = self._next("rename_registered_model")
        if not readable(name, new_name):
            return method(name, new_name)
        self._next("get_registered_model")(name)  # MLflow's own answer for one that is not there
        what = f"Renaming {name!r} to {new_name!r}"
        why = self._asked(lambda: self._why_not_rename(name, new_name))
        if why is not None:
            raise forbidden(
                what,
                why,
                "take the promotion away first, or copy the version and have it decided on",
                rule="registry.rename",
            )
        with self._permitted(("rename", name, new_name.casefold(), "")):
            return method(name, new_name)

    def _why_not_rename(self, name: str, new_name: str) -> str | None:
        guard = self.aims_guard
        if not (guard.governs(name) or guard.governs(new_name)):
            return None
        for either in (name, new_name):
            if (target := guard.name_target(either)) is not None:
                return f"every version of {either!r} is promoted to {target}"
        for alias, version in self._aliases(name).items():
            target = guard.alias_target(name, alias) or guard.alias_target(new_name, alias)
            if target is not None:
                return f"version {version} is promoted to {target} by alias {alias!r}"
        for version in self._versions(name):
            for one in (name, new_name):
                if guard.stage_target(one, version.current_stage):
                    return f"version {version.version} is in stage {version.current_stage!r}"
                if any(guard.tag_target(one, k, v) for k, v in dict(version.tags).items()):
                    return f"version {version.version} is promoted by a tag"
        return None

    # ---- new versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        *rest: Any,
        **more: Any,
    ) -> Any:
        """Create a version; of a production name it is a promotion."""
        self._refuse_reserved(name, tags)
        self._refuse_promoting_tags(name, tags)
        method = self._next("create_model_version")
        target = self._asked(lambda: self.aims_guard.name_target(name))
        if target is None or not readable(source):
            return method(name, source, run_id, tags, *rest, **more)
        self._next("get_registered_model")(name)
        made: list[Any] = []

        def create() -> Any:
            made.append(method(name, source, run_id, tags, *rest, **more))
            return made[-1]

        return self._promote(
            Promotion("version", name, None, name, target),
            create,
            lambda: self._next("delete_model_version")(name, made[-1].version),
            source=source,
        )

    # ---- the gate

    def _promote(
        self,
        wanted: Promotion,
        write: Callable[[], Any],
        undo: Callable[[], object],
        *,
        source: str | None = None,
    ) -> Any:
        """What `write` returns, if the gate allows it; else an MlflowException with 403."""
        result: list[Any] = []
        failed: list[Exception] = []
        marks: list[Any] = []  # of the files, before they were digested

        def identity() -> ModelReference:
            if source is not None:
                return reference_of_source(self, wanted.name, source)
            marks.append(file_marks(self, wanted.name, str(wanted.version)))
            return reference_of(self, wanted.name, str(wanted.version), found)

        def tied() -> None:
            try:
                if source is None:
                    self._check_same(reference)
                with self._permitted(wanted.permit):
                    result.append(write())
                if marks and marks[0] != file_marks(self, wanted.name, str(wanted.version)):
                    self._undo(undo)
                    raise broken(wanted.words, RuntimeError("its files changed meanwhile"))
            except Exception as error:
                failed.append(error)
                raise

        found: Any = None
        if wanted.version is not None:  # MLflow's own answer for a version that is not there
            found = self._next("get_model_version")(wanted.name, wanted.version)
        reference = self._asked(identity, wanted.words)
        project = self._asked(lambda: self.aims_guard.project, wanted.words)
        actor = self._asked(lambda: requester(project), wanted.words)
        decision = gate(
            reference,
            target=wanted.target,
            project=project,
            alias=wanted.key,
            requester=actor,
            enforced_by=self._enforced_by(),
            write=tied,
        )
        if decision.allowed:
            if wanted.kind == "version":
                wanted = replace(wanted, version=str(result[0].version))
            self._note(wanted, "set", decision, reference)
            return result[0]
        if failed:
            self._note(wanted, "failed", decision, reference)
            raise failed[-1]
        if result:  # written, and then the decision's record could not be kept
            self._undo(undo)
        raise refusal(wanted.words, decision)

    def _check_same(self, reference: ModelReference) -> None:
        from aims_mlops.mlflow_plugin.registry.version_content import created_at

        found = self._next("get_model_version")(reference.name, reference.version)
        if (created_at(found), found.source) != (reference.created_at, reference.source):
            raise broken(
                f"Promotion of {reference.uri}",
                RuntimeError("the version was deleted and created again while the gate decided"),
            )

    def _undo(self, undo: Callable[[], object]) -> None:
        try:
            undo()
        except Exception:
            _logger.exception("aims: a promotion without a decision could not be taken back")

    def _asked(self, question: Callable[[], Any], what: str = "A write to the registry") -> Any:
        """The answer to a question of the gate; whatever breaks in it is a refusal."""
        from mlflow.exceptions import MlflowException

        try:
            return question()
        except MlflowException:
            raise
        except Exception as error:
            raise broken(what, error) from error

    def _permitted(self, *permits: tuple[str, str, str, str]) -> Any:
        from aims_mlops.mlflow_plugin.protection.permits import permitted

        return permitted(*permits)

    # ---- refusals that no decision can lift

    def _refuse_reserved(self, name: str, tags: Iterable[Any] | None) -> None:
        for key, _ in map(_said, tags or ()):
            self._refuse_reserved_key(name, key)

    def _refuse_reserved_key(self, name: str, key: str) -> None:
        if is_reserved(key):
            raise forbidden(
                f"Writing the tag {key!r} of {name!r}",
                "tags that begin with 'aims.' are reserved for aims-mlops",
                "choose another name for the tag",
                rule="registry.reserved-tag",
            )

    def _refuse_promoting_tags(self, name: str, tags: Iterable[Any] | None) -> None:
        for key, value in map(_said, tags or ()):
            target = self._asked(partial(self.aims_guard.tag_target, name, key, value))
            if target is not None:
                raise forbidden(
                    f"Setting the tag {key!r} of {name!r}",
                    f"it promotes to {target}, and no version is there to decide about",
                    "create the version without it, then set the tag on the version",
                    rule="registry.promoting-tag",
                )

    # ---- what the real store says

    def _next(self, name: str) -> Any:
        return getattr(super(), name)

    def _aliases(self, name: str) -> dict[str, Any]:
        return dict(self._next("get_registered_model")(name).aliases)

    def _versions(self, name: str) -> Iterable[Any]:
        quoted = name.replace("'", "\\'")
        token = None
        while True:
            page = self._next("search_model_versions")(
                filter_string=f"name = '{quoted}'", max_results=1000, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def _said(tag: Any) -> tuple[Any, Any]:
    """Key and value of a tag; None where there is none."""
    return getattr(tag, "key", None), getattr(tag, "value", None)


def _is_version(version: Any) -> bool:
    return isinstance(version, str | int)


def _assert_alias(alias: str) -> None:
    """Raise what MLflow raises for an alias that no version can have."""
    from mlflow.utils import validation

    for check in ("_validate_alias_name", "_validate_alias_name_reserved"):
        # Up to MLflow 3.17 the names had `model_` in them.
        before = check.replace("_alias", "_model_alias")
        (getattr(validation, check, None) or getattr(validation, before))(alias)


def _number(version: Any) -> str:
    """Version '01' is version 1; what is no number is left for MLflow to refuse."""
    try:
        return str(int(version))
    except (TypeError, ValueError):
        return str(version)
