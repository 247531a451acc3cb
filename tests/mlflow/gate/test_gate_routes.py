"""Every way to promote in MLflow, tried over HTTP on a real server: refused, unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Answer = tuple[int, Any]
_COUNT = iter(range(10_000))


@pytest.fixture
def name(gated: Any, organisation: Any) -> str:
    """A registered model of two versions that nothing is recorded about."""
    name = f"loans-{next(_COUNT)}"
    gated.register(name, f"first {name}")
    gated.register(name, f"second {name}")
    return name


def stage(server: Any, name: str, stage: str) -> Answer:
    body = {"name": name, "version": "1", "stage": stage, "archive_existing_versions": False}
    return server.api("POST", "model-versions/transition-stage", body)


def ajax(server: Any, name: str) -> Answer:
    body = {"name": name, "alias": "production", "version": "1"}
    return server.call("POST", "/ajax-api/2.0/mlflow/registered-models/alias", body)


def doubled_slash(server: Any, name: str) -> Answer:
    body = {"name": name, "alias": "production", "version": "1"}
    return server.call("POST", "/api/2.0//mlflow/registered-models/alias", body)


def version_tag(server: Any, name: str, key: str, value: str) -> Answer:
    body = {"name": name, "version": "1", "key": key, "value": value}
    return server.api("POST", "model-versions/set-tag", body)


def model_tag(server: Any, name: str, key: str, value: str) -> Answer:
    body = {"name": name, "key": key, "value": value}
    return server.api("POST", "registered-models/set-tag", body)


def create_version(server: Any, name: str, tags: Any = ()) -> Answer:
    run_id, source = server.run_with_file(f"new for {name}")
    body = {"name": name, "source": source, "run_id": run_id, "tags": list(tags)}
    return server.api("POST", "model-versions/create", body)


def copy_to_live(server: Any, name: str) -> Answer:
    server.api("POST", "registered-models/create", {"name": "loans-live"})
    body = {"name": "loans-live", "source": f"models:/{name}/1"}
    return server.api("POST", "model-versions/create", body)


def disguise_as_prompt(server: Any, name: str) -> Answer:
    assert model_tag(server, name, "mlflow.prompt.is_prompt", "true")[0] == 200
    return server.alias(name, 1)


def prompt(server: Any, name: str) -> Answer:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    server.done("POST", "registered-models/create", {"name": f"{name}-prompt", "tags": tags})
    tags.append({"key": "mlflow.prompt.text", "value": "Hello {{name}}"})
    body = {"name": f"{name}-prompt", "source": "prompt-template", "tags": tags}
    server.done("POST", "model-versions/create", body)
    return server.alias(f"{name}-prompt", 1)


ROUTES: dict[str, Callable[[Any, str], Answer]] = {
    "alias that is the target": lambda s, n: s.alias(n, 1),
    "alias that means the target": lambda s, n: s.alias(n, 1, "champion"),
    "alias in other letters": lambda s, n: s.alias(n, 1, "PRODUCTION"),
    "alias that looks like it": lambda s, n: s.alias(n, 1, "\u0440roduction"),
    "alias that nobody declared": lambda s, n: s.alias(n, 1, "live"),
    "alias of version 01": lambda s, n: s.alias(n, "01"),
    "ajax alias": ajax,
    "stage": lambda s, n: stage(s, n, "Production"),
    "stage in other letters": lambda s, n: stage(s, n, "pRODUCTION"),
    "promoting tag": lambda s, n: version_tag(s, n, "env", "prod"),
    "promoting tag in other letters": lambda s, n: version_tag(s, n, "ENV", "Prod"),
    "promoting tag of the model": lambda s, n: model_tag(s, n, "env", "prod"),
    "promoting tag at creation": lambda s, n: create_version(
        s, n, [{"key": "env", "value": "prod"}]
    ),
    "reserved tag": lambda s, n: version_tag(s, n, "aims.decision", "allowed"),
    "reserved tag of the model": lambda s, n: model_tag(s, n, "AIMS.decision", "allowed"),
    "reserved tag at creation": lambda s, n: create_version(
        s, n, [{"key": "aims.decision", "value": "allowed"}]
    ),
    "reserved tag of a new model": lambda s, n: s.api(
        "POST",
        "registered-models/create",
        {"name": f"{n}-new", "tags": [{"key": "aims.x", "value": "y"}]},
    ),
    "removal of a reserved tag": lambda s, n: s.api(
        "DELETE", "model-versions/delete-tag", {"name": n, "version": "1", "key": "aims.x"}
    ),
    "rename into a production name": lambda s, n: s.api(
        "POST", "registered-models/rename", {"name": n, "new_name": f"prod.{n}"}
    ),
    "new model in a production name": lambda s, n: s.api(
        "POST", "registered-models/create", {"name": f"prod.{n}"}
    ),
    "copy into a production name": copy_to_live,
    "model disguised as a prompt": disguise_as_prompt,
    "prompt": prompt,
}


def promotions(server: Any) -> list[Any]:
    """Everything in the registry that is promoted by any route."""
    found = server.done("GET", "registered-models/search?max_results=1000")
    versions = server.done("GET", "model-versions/search?max_results=1000")["model_versions"]
    models = found["registered_models"]
    return [
        *[(m["name"], a) for m in models for a in m.get("aliases", ())],
        *[m["name"] for m in models if m["name"].startswith("prod.")],
        *[v["name"] for v in versions if v["name"] == "loans-live"],
        *[v["name"] for v in versions if v["current_stage"] == "Production"],
        *[
            (thing["name"], tag)
            for thing in (*models, *versions)
            for tag in thing.get("tags", ())
            if tag["key"].casefold().startswith(("env", "aims"))
        ],
    ]


@pytest.mark.parametrize("route", ROUTES)
def test_route_without_evidence_is_refused_and_changes_nothing(
    gated: Any, name: str, route: str
) -> None:
    before = promotions(gated)
    status, answer = ROUTES[route](gated, name)
    assert status == 403, answer
    assert answer["error_code"] == "PERMISSION_DENIED"
    assert "refused" in answer["message"]
    assert "Next: " in answer["message"]
    assert answer["aims"]["reasons"]
    assert all(reason["next_step"] for reason in answer["aims"]["reasons"])
    assert promotions(gated) == before


def test_free_alias_with_a_line_feed_sets_nothing(gated: Any, name: str) -> None:
    status, _ = gated.alias(name, 1, "candidate\n")
    assert status in (400, 403)  # from 3.18 on, MLflow refuses it itself
    assert gated.aliases(name) == {}


def test_doubled_slash_sets_nothing(gated: Any, name: str) -> None:
    status, _ = doubled_slash(gated, name)
    assert status in (403, 404, 405, 308)
    assert gated.aliases(name) == {}


def test_refusal_lists_everything_that_is_missing(gated: Any, name: str) -> None:
    _, answer = gated.alias(name, 1)
    rules = {reason["rule"] for reason in answer["aims"]["reasons"]}
    assert {"evidence.run", "evidence.performance", "performance.recall"} <= rules
    assert {"assessment.submitted", "approvals.count"} <= rules
    for rule in rules:
        assert rule in answer["message"]


def test_refusal_is_in_the_log_as_a_decision(gated: Any, name: str, organisation: Any) -> None:
    _, answer = gated.alias(name, 1)
    record = organisation.world.store.get(answer["aims"]["decision"])
    assert record.evidence.kind == "decision"
    assert record.evidence.body["verdict"] == "refused"
    assert "registry store" in record.evidence.body["enforced_by"]
    assert record.evidence.actor == "mlflow:unauthenticated"


def test_free_alias_other_stage_and_ordinary_tag_pass(gated: Any, name: str) -> None:
    assert gated.alias(name, 1, "Candidate")[0] == 200
    assert stage(gated, name, "Staging")[0] == 200
    assert version_tag(gated, name, "team", "loans")[0] == 200
    assert gated.aliases(name) == {"Candidate": "1"}


def test_ungoverned_model_is_as_without_us(gated: Any, organisation: Any) -> None:
    other = f"sandbox-{next(_COUNT)}"
    gated.register(other, "anything")
    assert gated.alias(other, 1)[0] == 200
    assert stage(gated, other, "Production")[0] == 200
    assert version_tag(gated, other, "env", "prod")[0] == 200


def test_alias_set_outside_cannot_be_renamed_into_a_governed_name(
    gated: Any, organisation: Any
) -> None:
    other = f"sandbox-{next(_COUNT)}"
    gated.register(other, "anything")
    assert gated.alias(other, 1)[0] == 200
    body = {"name": other, "new_name": f"loans-{next(_COUNT)}"}
    status, answer = gated.api("POST", "registered-models/rename", body)
    assert status == 403, answer
    assert "by alias 'production'" in answer["message"]


def test_model_that_is_not_promoted_can_be_renamed(gated: Any, name: str) -> None:
    gated.done("POST", "registered-models/rename", {"name": name, "new_name": f"{name}-b"})
    assert gated.aliases(f"{name}-b") == {}


def test_version_that_is_not_there_is_mlflows_own_404(gated: Any, name: str) -> None:
    status, answer = gated.alias(name, 99)
    assert (status, answer["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_graphql_has_no_mutation_of_the_registry(gated: Any, organisation: Any) -> None:
    query = {"query": "{ __schema { mutationType { fields { name } } } }"}
    status, answer = gated.call("POST", "/graphql", query)
    assert status in (200, 400), answer
    assert "lias" not in json.dumps(answer)
    assert "tage" not in json.dumps(answer)


@pytest.mark.parametrize("alias", ["latest", "v1", "a b", ""])
def test_alias_that_mlflow_itself_refuses_gets_its_own_answer(
    gated: Any, name: str, alias: str
) -> None:
    status, answer = gated.alias(name, 1, alias)
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert gated.aliases(name) == {}
