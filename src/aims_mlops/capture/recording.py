"""From the first line of the user's code to the stored batch: how a run begins and ends.

Nothing here stops the user's code. Everything that a run gathered is stored in one batch at its
end; if the store cannot take it, it is spooled and the user is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aims_mlops.capture.arguments.callables import call_arguments, module_of, name_of, source_of
from aims_mlops.capture.facts.dataset import capture_tables
from aims_mlops.capture.facts.known_models import (
    adopt_checks,
    keep,
    link_given_models,
    note_arguments,
)
from aims_mlops.capture.facts.models import save_models
from aims_mlops.capture.pointer import point_to
from aims_mlops.capture.run import Run
from aims_mlops.capture.state import gaps as failures
from aims_mlops.capture.state.captured import Code, Gap
from aims_mlops.capture.state.current import active_run
from aims_mlops.capture.state.gaps import guarded
from aims_mlops.capture.state.plugin_calls import each_plugin
from aims_mlops.capture.state.settings import RunSettings, raises, switched_off
from aims_mlops.capture.state.statement import checked, statement
from aims_mlops.errors import AimsError, InputError
from aims_mlops.evidence.records import Evidence, Record
from aims_mlops.evidence.secrets import cleaned, scrubbed

if TYPE_CHECKING:
    from aims_mlops.inventory.project import Project


def begin(
    settings: RunSettings,
    function: Callable[..., Any] | None = None,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Run:
    """A run that has started: its arguments are noted, its tables digested, plugins asked."""
    outer = active_run()
    run = Run(
        settings,
        name=settings.name or (name_of(function) if function is not None else "run"),
        system=settings.system or (outer.system if outer is not None else None),
        outer=outer,
        code=None if function is None else Code(source_of(function), _qualified_name(function)),
    )
    if switched_off():
        run.recorded = False
        return run
    with guarded(run, "project"):
        _place(run)
    given: dict[str, Any] = {}
    with guarded(run, "parameters"):
        if function is not None:
            given = call_arguments(function, args, kwargs or {})
        run.parameters.add_all({**given, **settings.parameters})
        run.tags.add_all(settings.tags)
        run.tags.refuse_tables("a table; a tag is a plain value")
    capture_tables(run)
    with guarded(run, "parameters"):
        note_arguments(run, given)
    each_plugin(run, "before_run_started", run=run)
    with guarded(run, "start of the run"):
        _mark_start(run)
    run.restart_clock()
    return run


def finish(run: Run, *, result: object = None, error: BaseException | None = None) -> None:
    """End a run: gather its evidence, store or spool it, tell the plugins.

    error : what the user's code raised; then nothing is raised from here, not even under pytest.
    """
    if not run.recorded:
        return
    run.end(error)
    try:
        _gather_and_store(run, result)
    except Exception as problem:
        if raises() and error is None:
            raise
        failures.warn(f"run {run.name!r} was not captured: {type(problem).__qualname__}")
    else:
        if run.marker is not None:
            run.marker.remove()
    finally:
        run.forget()


def _mark_start(run: Run) -> None:
    """Leave on disk what is known of a run, for the case that its process dies without a word.

    Also takes up what such processes left before; it is delivered with the next batch.
    """
    from aims_mlops.store.disk.start_marker import StartMarker, adopt_orphans

    root = _root()
    adopt_orphans(root)
    run.marker = StartMarker(root, _if_lost(run))


def _if_lost(run: Run) -> list[Evidence]:
    """What is recorded of a run that never ended, as far as it is known when it begins."""
    gap = Gap(
        "end of the run",
        "RunLost",
        "no end of this run was recorded: its process was killed, ended by os._exit, or could keep "
        "its evidence nowhere; what the run made is not known. Next: train again",
    )
    body = {**run.body(), "status": "lost", "ended_at": None, "duration_seconds": None}
    body["gaps"] = [*body["gaps"], gap.where]
    known = {"parameters": run.parameters.values, "left_out": run.parameters.left_out}
    return [
        replace(statement(run, "run", body), version=2, claimed_at=run.started_at),
        replace(statement(run, "parameters", known), claimed_at=run.started_at),
        *(
            replace(statement(run, "gap", each.body()), claimed_at=run.started_at)
            for each in dict.fromkeys((*run.gaps, gap))
        ),
    ]


def _gather_and_store(run: Run, result: object) -> None:
    _report_refused(run)
    with guarded(run, "model"):
        link_given_models(run)
        for model in save_models(run, result):
            keep(model.model, model.reference)
            adopt_checks(run, model.model)
    evidence: list[Evidence] = []
    for found in each_plugin(run, "collect_run_evidence", run=run):
        evidence += checked(run, found)
    records = _store(
        run, [statement(run, "run", run.body()), *evidence, *_gaps(run, run.gaps)], tell=True
    )
    stored = len(run.gaps)
    each_plugin(run, "after_run_ended", run=run, records=records)
    if late := _gaps(run, run.gaps[stored:]):
        _store(run, late)


def _gaps(run: Run, gaps: Sequence[Gap]) -> list[Evidence]:
    told = {tuple(cleaned(gap.body()).values()): gap for gap in gaps}
    return [statement(run, "gap", gap.body()) for gap in told.values()]


def _store(run: Run, batch: list[Evidence], *, tell: bool = False) -> list[Record]:
    """The batch in the log, or in the spool; `tell` prints where the run's evidence went."""
    from aims_mlops.inventory.project import find_project
    from aims_mlops.store.disk.spool import drain, pending, spool_batch
    from aims_mlops.store.remote.delivery import deliver_soon, is_remote

    try:
        project = find_project()
        if is_remote(project.store_url):
            spool_batch(project.root, batch)  # on disk first: no run waits for a server
            deliver_soon(project.root, project.store_url)
            if tell:
                point_to(run, len(batch), sent=True)
            return []
        store = project.open_store()
        records = store.append_many(batch)
    except Exception as problem:  # noqa: BLE001  whatever it is, the evidence must not be lost
        path = spool_batch(_root(), batch, reason=type(problem).__qualname__)
        _tell_spooled(run, problem, str(path))
        return []
    if tell:
        point_to(run, len(records))
    if pending(project.root):
        try:
            drain(project.root, store)
        except Exception as problem:  # noqa: BLE001  it stays pending
            failures.warn(f"the spool is not delivered: {type(problem).__qualname__}")
    return records


def _root() -> Path:
    """The project's folder, also when its aims.yaml cannot be read."""
    from aims_mlops.inventory.project import project_folder

    return project_folder()


def _tell_spooled(run: Run, problem: Exception, path: str) -> None:
    if raises() and run.error is None:
        raise problem
    said = scrubbed(str(problem)) if isinstance(problem, AimsError) else ""
    failures.warn(
        f"run {run.name!r} is spooled, not stored: {type(problem).__qualname__} {said}. "
        f"It lies in {path}. Next: aims push"
    )


def _place(run: Run) -> None:
    """Say which system a run belongs to and who runs it."""
    from aims_mlops.evidence.admission import is_name
    from aims_mlops.inventory.actor import current_actor
    from aims_mlops.inventory.project import find_project

    project: Project = find_project()
    run.actor = current_actor(project)
    for name in ("actor", "system"):  # every statement of the run bears them
        value = getattr(run, name)
        if value is not None and not is_name(value):
            setattr(run, name, "unnamed" if name == "actor" else None)
            wrong = InputError(f"the {name} is no name that evidence can hold")
            failures.note(run, name, wrong)
    if run.system is None and len(project.systems) == 1:
        run.system = project.systems[0].id


def _report_refused(run: Run) -> None:
    for parameters, label in ((run.parameters, "parameter"), (run.tags, "tag")):
        for name in parameters.refused:
            gap = Gap(f"{label} {name}", "InputError", parameters.left_out[name])
            run.gaps.append(gap)
            failures.warn(f"{gap.where} of run {run.name!r} is not recorded: {gap.message}")


def _qualified_name(function: Callable[..., Any]) -> str:
    return f"{module_of(function)}.{name_of(function)}"
