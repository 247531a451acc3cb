"""`aims drift`: profile a reference, measure a batch against it, record both."""

from __future__ import annotations

import json
from typing import Any

import click


@click.group("drift")
def group() -> None:
    """Measure drift of a batch and record it."""


def _shared(command: Any) -> Any:
    """Options that both commands have."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print what was recorded as JSON."),
        click.option("--prediction", help="Column with the model's predictions."),
        click.option("--target", help="Column with the labels; they may come late."),
        click.option(
            "--method",
            "methods",
            multiple=True,
            help="A drift method, or COLUMN=METHOD; may be given several times.",
        ),
        click.option("--system", help="Id of the AI system in aims.yaml."),
        click.option("--model", help="The model concerned, such as models:/name@champion."),
    ):
        command = option(command)
    return command


@group.command("profile")
@click.argument("data")
@_shared
@click.option("--name", help="What to call the reference; the file's name by default.")
@click.option(
    "--exact", is_flag=True, help="Keep sorted values in a blob, for the figures of the data."
)
def profile(
    data: str,
    model: str | None,
    system: str | None,
    methods: tuple[str, ...],
    target: str | None,
    prediction: str | None,
    as_json: bool,
    name: str | None,
    exact: bool,
) -> None:
    """Record a reference profile of DATA, a Parquet, CSV or Arrow file or a folder of them.

    Later batches are compared with the profile, without the data. Exit 0: recorded.
    """
    from aims_mlops.cli.drift_records import open_session, record_profile
    from aims_mlops.measures.drift.reference import build_reference_profile

    session = open_session(model=model, system=system)
    built = build_reference_profile(
        data,
        variant="exact" if exact else "compact",
        methods=_methods(methods),
        target=target,
        prediction=prediction,
        name=name or _name(data),
    )
    record = record_profile(session, built, dataset=session.dataset(data))
    if as_json:
        click.echo(json.dumps({"record": record.id, "profile": built.sha256}, indent=2))
        return
    click.echo(
        f"Recorded reference profile {built.sha256[:12]} ({built.variant}) of {built.rows} rows "
        f"and {len(built.body['columns'])} columns as record {record.id[:12]}."
    )
    click.echo(f"Next: aims drift run --reference {record.id[:12]} --current BATCH")


@group.command("run")
@click.option(
    "--reference",
    required=True,
    help="A file, or the record id of a reference profile; 'latest' for the newest one.",
)
@click.option("--current", required=True, help="The batch: Parquet, CSV or Arrow.")
@_shared
@click.option("--column", "columns", multiple=True, help="Only this column; may be repeated.")
@click.option("--threshold", type=float, help="Limit of the effect, instead of Evidently's.")
@click.option("--evidently-report", is_flag=True, help="Attach Evidently's HTML of a sample.")
@click.pass_context
def run(
    ctx: click.Context,
    reference: str,
    current: str,
    model: str | None,
    system: str | None,
    methods: tuple[str, ...],
    target: str | None,
    prediction: str | None,
    as_json: bool,
    columns: tuple[str, ...],
    threshold: float | None,
    evidently_report: bool,
) -> None:
    """Measure drift of a batch against a reference and record it as evidence.

    Exit 0: recorded, no drift. 1: recorded, drift found. 2: it could not be measured, or the data
    are too few to say; what could be measured is recorded all the same.
    """
    from aims_mlops.cli.drift_records import measure_and_record, open_session

    session = open_session(model=model, system=system)
    outcome = measure_and_record(
        session,
        reference,
        current,
        evidently_report=evidently_report,
        methods=_methods(methods),
        columns=columns or None,
        threshold=threshold,
        target=target,
        prediction=prediction,
    )
    click.echo(json.dumps(outcome.to_dict(), indent=2) if as_json else outcome.text())
    ctx.exit({"no drift": 0, "drift": 1}.get(outcome.result.verdict, 2))


def _methods(given: tuple[str, ...]) -> Any:
    """One method for all, or {column: method}; raises UsageError for a mixture."""
    if not given:
        return None
    pairs = [text.rpartition("=") for text in given]
    named = {column: method for column, _, method in pairs if column}
    if len(named) == len(given):
        return named
    if named or len(given) > 1:
        raise click.UsageError("--method is either one method for all, or COLUMN=METHOD each time")
    return given[0]


def _name(data: str) -> str:
    from pathlib import Path

    return Path(data).name
