"""What MLflow's tracking store knows of a run, as evidence.

It is told, not measured: MLflow passes on what a client said. So figures go by `mlflow.<metric>`
and have neither interval nor number of rows, and a dataset's digest is one over what was declared,
because MLflow's own is not a hash of the content. Only the model's files are digested here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aims_mlops.capture.arguments.parameters import Parameters
from aims_mlops.errors import AimsError
from aims_mlops.evidence.clock import stamp
from aims_mlops.evidence.encoding.canonical import canonical
from aims_mlops.evidence.records import Evidence, Subject
from aims_mlops.evidence.secrets import SCRUBBED, cleaned, scrubbed
from aims_mlops.evidence.urls import without_credentials
from aims_mlops.inventory.declared.person import pseudonym
from aims_mlops.inventory.project import Project
from aims_mlops.mlflow_plugin.tracking.run_models import (
    CapturedFiles,
    logged_models,
    model_at,
    models_among_artifacts,
)

CAPTURED_BY = "the tracking store of MLflow"
DATASET_SCHEME = "mlflow-declared-v1"
DIRTY_TAG = "aims.git.dirty"
SYSTEM_TAG = "aims.system"

_COUNT_LIMIT = 500  # metrics of a run


@dataclass(slots=True)
class _Account:
    """The evidence of one run while it is gathered."""

    actor: str
    at: str
    system: str | None
    run: str | None
    subjects: tuple[Subject, ...] = ()
    gaps: list[dict[str, Any]] = field(default_factory=list)

    def says(self, kind: str, body: Mapping[str, Any], *subjects: Subject) -> Evidence:
        every = {(s.name, s.sha256): s for s in (*subjects, *self.subjects)}
        return Evidence(
            kind=kind,
            subjects=tuple(every.values()),
            body={**cleaned(body), "captured_by": CAPTURED_BY},
            actor=self.actor,
            claimed_at=self.at,
            system=self.system,
            run=self.run,
        )

    def lacks(self, where: str, error: Exception) -> None:
        message = scrubbed(str(error))[:300] if isinstance(error, AimsError) else ""
        gap = {"where": where, "error": type(error).__name__, "message": message}
        if gap not in self.gaps:
            self.gaps.append(gap)


def evidence_of_run(store: Any, run_id: str, project: Project, actor: str | None) -> list[Evidence]:
    """Everything about an ended run; the same again each time it is asked, byte for byte.

    actor : who was logged in to the server; without it, whoever the client says ran it.
    Raises what the tracking store raises for the run itself; what else cannot be read is a gap.
    """
    run = store.get_run(run_id)
    tags: Mapping[str, str] = dict(run.data.tags)
    said = actor or tags.get("mlflow.user") or run.info.user_id
    account = _Account(
        actor=_actor(project, said),
        at=_stamp(run.info.end_time or run.info.start_time),
        system=_system(project, tags),
        run=run_id,
    )
    of_run = Subject.of_name(f"run:{run_id}")
    datasets = _datasets(run, account)
    models = [
        *logged_models(store, run, account.lacks),
        *models_among_artifacts(run, tags, account.lacks),
    ]
    account.subjects = (of_run, *(model.subject for model in models))
    said_datasets = [
        {"name": body["name"], "role": body["role"], "sha256": body["sha256"]} for body in datasets
    ]
    found = [account.says("parameters", _parameters(run))]
    found.append(account.says("code", _code(tags)))
    found += [account.says("dataset", b, Subject(f"dataset:{b['name']}", b["sha256"]))
              for b in datasets]  # fmt: skip
    for model in models:
        found.append(account.says("model", {**model.body, "datasets": said_datasets}))
    if models:
        found.append(account.says("environment", _environment(models)))
    if figures := _figures(run):
        found.append(account.says("performance", _performance(run, figures)))
    found += [account.says("gap", gap) for gap in account.gaps]
    return [account.says("run", _run(run, tags, models, account.gaps)), *found]


def evidence_of_model(
    store: Any, model_id: str, project: Project, actor: str | None
) -> list[Evidence]:
    """A logged model without a run: its content, and nothing of how it came about."""
    logged = store.get_logged_model(model_id)
    tags = dict(logged.tags or {})
    said = actor or tags.get("mlflow.user")
    account = _Account(
        actor=_actor(project, said),
        at=_stamp(logged.last_updated_timestamp),
        system=_system(project, tags),
        run=None,
    )
    found: list[Evidence] = []
    uri = f"models:/{model_id}"
    model = model_at(logged.name, uri, logged.artifact_location, account.lacks)
    if model is not None:
        account.subjects = (model.subject,)
        found.append(account.says("model", {**model.body, "datasets": []}))
    else:
        account.subjects = (Subject.of_name(f"model:{model_id}"),)
    return [*found, *(account.says("gap", gap) for gap in account.gaps)]


def _run(
    run: Any, tags: Mapping[str, str], models: list[CapturedFiles], gaps: list[dict[str, Any]]
) -> dict[str, Any]:
    start, end = run.info.start_time or 0, run.info.end_time or run.info.start_time or 0
    return {
        "activity": "training" if models else "experiment",
        "name": scrubbed(run.info.run_name or run.info.run_id),
        "status": "finished" if run.info.status == "FINISHED" else "failed",
        "error": None,
        "started_at": _stamp(start),
        "ended_at": _stamp(end),
        "duration_seconds": max(0.0, (end - start) / 1000),
        "parent": tags.get("mlflow.parentRunId"),
        "links": {"mlflow_run": run.info.run_id, "mlflow_experiment": run.info.experiment_id},
        "gaps": [gap["where"] for gap in gaps],
    }


def _parameters(run: Any) -> dict[str, Any]:
    said = Parameters()
    for name, value in sorted(dict(run.data.params).items()):
        said.add(name, value)
    left_out = {name: SCRUBBED for name, value in said.values.items() if value == SCRUBBED}
    kept = {name: value for name, value in said.values.items() if name not in left_out}
    return {"parameters": kept, "left_out": {**left_out, **said.left_out}}


def _code(tags: Mapping[str, str]) -> dict[str, Any]:
    remote = tags.get("mlflow.source.git.repoURL")
    dirty = {"true": True, "false": False}.get(tags.get(DIRTY_TAG, ""))
    return {
        "commit": tags.get("mlflow.source.git.commit") or tags.get("aims.git.commit"),
        "dirty": dirty,
        "diff_sha256": tags.get("aims.git.diff"),
        "remote": without_credentials(remote) if remote else None,
        "source_sha256": None,
        "qualified_name": None,
    }


def _datasets(run: Any, account: _Account) -> list[dict[str, Any]]:
    """One body for each declared dataset: `evaluate` sends the same one a dozen times."""
    found: dict[str, dict[str, Any]] = {}
    for entry in run.inputs.dataset_inputs if run.inputs else ():
        try:
            dataset = entry.dataset
            role = next((t.value for t in entry.tags if t.key == "mlflow.data.context"), None)
            declared = {
                "name": str(dataset.name),
                "digest": dataset.digest,
                "source_type": dataset.source_type,
                "schema": dataset.schema,
            }
            sha256 = hashlib.sha256(canonical({"scheme": DATASET_SCHEME, **declared})).hexdigest()
            profile = json.loads(dataset.profile or "{}")
            rows = profile.get("num_rows") if isinstance(profile, dict) else None
            found[sha256] = {
                "name": declared["name"],
                "role": role,
                "sha256": sha256,
                "scheme": DATASET_SCHEME,
                "rows": rows if isinstance(rows, int) else 0,
                "columns": _columns(dataset.schema),
                "source": f"{dataset.source_type}",
                "declared_digest": dataset.digest,
                "is_content_digest": False,
                "note": "the digest is over what was declared to MLflow, not over the content",
            }
        except Exception as error:  # noqa: BLE001  one dataset must not hide the others
            account.lacks("dataset", error)
    return [found[sha256] for sha256 in sorted(found)]


def _columns(schema: str | None) -> list[dict[str, Any]]:
    try:
        read = json.loads(schema or "{}")
        listed = read.get("mlflow_colspec") or read.get("mlflow_tensorspec") or []
        return [
            {"name": str(column.get("name")), "type": str(column.get("type"))}
            for column in listed
            if isinstance(column, dict)
        ]
    except (ValueError, AttributeError):
        return []


def _environment(models: list[CapturedFiles]) -> dict[str, Any]:
    packages: dict[str, str] = {}
    for model in models:
        packages.update(model.packages)
    return {
        "python": next((m.python for m in models if m.python), "unknown"),
        "platform": "unknown",
        "packages": dict(sorted(packages.items())),
        "plugins": [],
        "note": "what the model's files ask for, not what was installed",
    }


def _figures(run: Any) -> list[dict[str, Any]]:
    import mlflow

    return [
        {
            "measure": f"mlflow.{name}",
            "group": None,
            "value": float(value) if math.isfinite(value) else None,
            "low": None,
            "high": None,
            "numerator": None,
            "denominator": None,
            "n": None,
            "method": "declared by MLflow metrics, not measured here",
            "source": f"mlflow {mlflow.__version__}: log_metric",
        }
        for name, value in sorted(dict(run.data.metrics).items())[:_COUNT_LIMIT]
        if not name.startswith("system/")
    ]


def _performance(run: Any, figures: list[dict[str, Any]]) -> dict[str, Any]:
    import mlflow

    left_out = max(0, len(run.data.metrics) - _COUNT_LIMIT)
    return {
        "figures": figures,
        "task": "unknown",
        "declared": True,
        "libraries": {"mlflow": mlflow.__version__},
        "settings": {},
        "notes": ["declared by MLflow metrics: the last value of each, as the client sent it"],
        "left_out": [f"{left_out} more metrics"] if left_out else [],
    }


def _actor(project: Project, said: str | None) -> str:
    """The person whom an account belongs to; an account that nobody lists, as a pseudonym."""
    if not said:
        return "mlflow:unauthenticated"
    person = project.person(said)
    return person.id if person is not None else pseudonym(said)


def _system(project: Project, tags: Mapping[str, str]) -> str | None:
    """The AI system that a tag names, if the project has it; a shared server serves many."""
    named = tags.get(SYSTEM_TAG)
    return named if named and project.system(named) is not None else None


def _stamp(milliseconds: int | None) -> str:
    return stamp(datetime.fromtimestamp((milliseconds or 0) / 1000, UTC))
