"""What MLflow holds that no AI system of aims.yaml claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aims_mlops.inventory.project import Project
from aims_mlops.mlflow_plugin.reconcile.registry_contents import Registry


def unclaimed(project: Project, registry_uri: str | None) -> Iterator[tuple[str, str]]:
    """Kind (`registered model`, `experiment`) and name of each, in MLflow's order.

    An experiment is claimed by a system of its name or models, or by a run in it that was recorded
    for a system. Raises what MLflow raises when it does not answer.
    """
    registry = Registry.at(registry_uri)
    for name in registry.names():
        if project.system_of_model(name) is None:
            yield "registered model", name
    token = None
    while True:
        page = registry.client.search_experiments(max_results=1000, page_token=token)
        for experiment in page:
            known = project.system_of_model(experiment.name) is not None
            if (
                not known
                and _has_runs(registry.client, experiment)
                and not _recorded(registry.client, experiment)
            ):
                yield "experiment", experiment.name
        token = page.token
        if not token:
            return


def _has_runs(client: Any, experiment: Any) -> bool:
    return bool(client.search_runs([experiment.experiment_id], max_results=1))


def _recorded(client: Any, experiment: Any) -> bool:
    """Whether a run in it says for which AI system it was recorded."""
    found = client.search_runs(
        [experiment.experiment_id], filter_string="tags.`aims.system` != ''", max_results=1
    )
    return bool(found)
