"""`aims serve-model`: a model that may be used, under MLflow's scoring protocol, and logged."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from aims_mlops.evidence.model_reference import ModelReference
    from aims_mlops.inference_log.serving.serve_model import Answer
    from aims_mlops.inventory.project import Project


@click.command("serve-model")
@click.argument("model")
@click.option("--target", required=True, help="Target or alias, such as production.")
@click.option("--system", help="The AI system, if the model does not tell.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="0: any free one.",
)
@click.option(
    "--check-every",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Seconds between two looks whether it may still be used.",
)
@click.option(
    "--grace",
    default=900.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds that an evidence store may be away; then the answer is 503.",
)
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    target: str,
    system: str | None,
    host: str,
    port: int,
    check_every: float,
    grace: float,
) -> None:
    """Serve MODEL, a pyfunc model of MLflow, if a valid decision allows its content.

    MODEL is a path, models:/NAME/VERSION or runs:/RUN/PATH. Its files are copied to a private
    folder, digested and checked there, and loaded from there. POST /invocations takes what `mlflow
    models serve` takes; GET /ping, /health and /version are there too. Exit 1: refused. 2: could
    not be told, or not served.
    """
    from aims_mlops.cli.plain import plain
    from aims_mlops.errors import ModelRefusedError
    from aims_mlops.gates.check_model import check_model
    from aims_mlops.inference_log.recorder.recorders import recorder_for
    from aims_mlops.inference_log.serving.model_copy import copy_model
    from aims_mlops.inference_log.serving.serve_model import Watch, serve_model
    from aims_mlops.inference_log.storage import evidence
    from aims_mlops.inventory.project import find_project

    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    project = find_project()
    try:
        check = check_model(model, target, project=project)
    except ModelRefusedError as refused:
        click.echo("\n".join(plain(line) for line in str(refused.check).splitlines()), err=True)
        click.echo("not served", err=True)
        ctx.exit(refused.check.exit_code)
    assert check.model is not None
    reference = check.model
    name = _system(project, reference, system)

    def say(event: str, answer: Answer | None = None) -> None:
        record = check.standing.record if check.standing else None
        body = {
            "process": recorder.process,
            "model": reference.sha256,
            "model_uri": reference.uri,
            "target": check.target,
            "decision": record.id if record else None,
            "reasons": list(answer.reasons) if answer else [],
        }
        evidence.store(project, [evidence.statement(project, name, event, body)])

    recorder = recorder_for(name, model=reference, target=check.target, project=project)
    with tempfile.TemporaryDirectory(prefix="aims-serve-") as private:
        folder = copy_model(reference, Path(private))
        watch = Watch(
            lambda: _ask(replace(reference, files=()), check.target),
            every_seconds=check_every,
            grace_seconds=grace,
            changed=lambda answer: say("served again" if answer.allowed else "refused", answer),
        )
        recorder.start()
        say("served")

        def started(url: str) -> None:
            click.echo(plain(f"Serving {reference.uri} (sha256 {reference.sha256[:16]}) at {url}"))
            click.echo(plain(f"Logged as {name} in {recorder.folder.address}"))

        serve_model(folder, recorder, watch, host=host, port=port, started=started)


def _ask(reference: ModelReference, target: str) -> Answer:
    from aims_mlops.gates.check_model import look_at_model
    from aims_mlops.inference_log.serving.serve_model import Answer

    check = look_at_model(reference, target=target)
    reasons = tuple(reason.to_body() for reason in check.reasons)
    return Answer(check.allowed, check.verdict != "undecided", reasons)


def _system(project: Project, reference: ModelReference, said: str | None) -> str:
    from aims_mlops.dossier.query import system_of
    from aims_mlops.errors import InputError

    if said is not None:
        return said
    found = system_of(project, project.open_store(), reference)
    if found is None and len(project.systems) == 1:
        found = project.systems[0]
    if found is None:
        raise InputError(
            f"nothing says which AI system {reference.uri} belongs to",
            next_step="say it in the same command with --system ID",
        )
    return found.id
