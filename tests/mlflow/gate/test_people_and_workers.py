"""A server as companies run it: PostgreSQL with triggers, two workers, people who log in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

_COUNT = iter(range(10_000))


@pytest.fixture
def name() -> str:
    return f"loans-company-{next(_COUNT)}"


@pytest.fixture(scope="module")
def dee(company: Any) -> Any:
    """The same server, called by somebody who is no administrator."""
    body = {"username": "dee", "password": "a-password-of-dee"}
    assert company.api("POST", "users/create", body)[0] == 200
    return replace(company, user=("dee", "a-password-of-dee"))


def test_nobody_gets_in_without_logging_in_but_a_probe_does(company: Any) -> None:
    stranger = replace(company, user=None)
    assert stranger.api("GET", "registered-models/search")[0] == 401
    status, found = stranger.health(gate="decides")
    assert (status, found["gate"], found["triggers"]) == (200, "decides", "in place")


def test_admin_gets_the_same_refusal_as_everybody(
    company: Any, dee: Any, organisation: Any, name: str
) -> None:
    version = company.register(name, f"content {name}")
    answers = [server.alias(name, version) for server in (company, dee)]
    assert [status for status, _ in answers] == [403, 403]
    rules = [[r["rule"] for r in answer["aims"]["reasons"]] for _, answer in answers]
    assert rules[0] == rules[1]
    assert "evidence.run" in rules[0]
    asked = [
        organisation.world.store.get(answer["aims"]["decision"]).evidence.actor
        for _, answer in answers
    ]
    assert asked == ["admin", "dee"]


def test_approver_who_logs_in_cannot_promote_what_only_he_approved(
    company: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    bo = {"username": "bo", "password": "a-password-of-bo"}
    company.api("POST", "users/create", bo)
    as_bo = replace(company, user=("bo", "a-password-of-bo"))
    version = company.register(name, f"content {name}")
    organisation.ready(f"content {name}", tmp_path)  # bo approves
    status, answer = as_bo.alias(name, version)
    assert status == 403
    assert "bo is the requester" in answer["message"]


def test_forged_user_of_a_client_does_not_count(dee: Any, organisation: Any, name: str) -> None:
    version = dee.register(name, f"content {name}")
    body = {"name": name, "alias": "production", "version": version, "user_id": "cy"}
    _, answer = dee.api("POST", "registered-models/alias", body, headers={"X-User": "cy"})
    record = organisation.world.store.get(answer["aims"]["decision"])
    assert record.evidence.actor == "dee"


def test_both_workers_refuse_and_then_allow(
    dee: Any, organisation: Any, name: str, tmp_path: Path
) -> None:
    version = dee.register(name, f"content {name}")

    def ask(_: int) -> int:
        return int(dee.alias(name, version)[0])

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(6))) == {403}
        organisation.ready(f"content {name}", tmp_path)
        assert set(pool.map(ask, range(6))) == {200}
    assert dee.aliases(name) == {"production": version}
