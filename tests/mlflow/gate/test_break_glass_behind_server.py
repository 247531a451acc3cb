"""Broken glass through a gated server: one answer for all doors, and a record of what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.gates.check_model import look_at_model
from aims_mlops.inventory.project import forget_stores

GLASS = "break_glass: {allowed: true, roles: [security], second_person_within_hours: 24}\n"
NAME = "loans-glass"


@dataclass
class Place:
    """A project of its own, a gated server that decides by it, and a model without consent."""

    organisation: Any
    server: Any
    model: Any

    def promote(self, who: str, *, reason: str | None = "the old model is down") -> Any:
        command = [sys.executable, "-m", "aims_mlops", "promote", f"models:/{NAME}/1", "--json",
                   "--alias", "production"]  # fmt: skip
        settings = {"AIMS_ACTOR": who, "MLFLOW_TRACKING_URI": self.server.url}
        return subprocess.run(
            command + (["--break-glass", reason] if reason else []),
            env=os.environ | self.organisation.environment | settings,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def records(self, kind: str) -> list[Any]:
        return list(self.organisation.world.store.find(kind=kind))

    @property
    def open(self) -> list[Any]:
        """Nonconformities about broken glass that are open."""
        found = [r.evidence.body for r in self.records("nonconformity")]
        return [body for body in found if body.get("what") == "break-glass"]

    @property
    def check(self) -> Any:
        project = self.organisation.world.project
        return look_at_model(self.model, target="production", project=project)


@pytest.fixture
def place(
    session_organisation: Any,
    start_server: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    root = tmp_path / "project"
    root.mkdir()
    settings = {"AIMS_PROJECT": str(root), "AIMS_KEYS": str(tmp_path / "keys"), "AIMS_PLUGINS": "",
                "XDG_STATE_HOME": str(tmp_path / "state")}  # fmt: skip
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    world = type(session_organisation.world)(root)
    organisation = type(session_organisation)(world, tmp_path / "keys", tmp_path / "state")
    policy = root / "policies" / "production.yaml"
    policy.write_text(policy.read_text() + GLASS)
    monkeypatch.chdir(root)
    server = start_server(app=True, environment=organisation.environment)
    model = organisation.train("content", tmp_path / "files")
    server.register(NAME, "content")
    yield Place(organisation, server, model)
    server.stop()
    forget_stores()


def test_glass_broken_by_whoever_may_promotes_behind_the_server(place: Place) -> None:
    assert place.server.alias(NAME, 1)[0] == 403
    done = place.promote("cy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] == "set"
    assert place.server.aliases(NAME) == {"production": "1"}
    assert place.check.allowed, str(place.check)
    assert len(place.open) == 1
    last = [r for r in place.records("decision") if r.evidence.body["allowed"]][-1]
    assert "registry store" in last.evidence.body["enforced_by"]
    assert (last.evidence.actor, last.evidence.body["broke_glass"]) == ("cy", True)
    assert place.open[0]["requester"] == "cy"
    outcomes = [r.evidence.body["outcome"] for r in place.records("promotion")]
    assert set(outcomes) == {"set"}


def test_glass_is_broken_once_and_for_one_alias(place: Place) -> None:
    assert place.promote("cy").returncode == 0
    place.server.done("DELETE", "registered-models/alias", {"name": NAME, "alias": "production"})
    assert place.server.alias(NAME, 1)[0] == 403
    assert place.server.alias(NAME, 1, "champion")[0] == 403
    place.server.register(NAME, "content")  # the same content under another number
    assert place.server.alias(NAME, 2)[0] == 403


def test_glass_that_somebody_else_broke_promotes_nothing_anywhere(place: Place) -> None:
    done = place.promote("dee")
    assert done.returncode == 1, done.stdout + done.stderr
    assert place.server.alias(NAME, 1)[0] == 403
    assert place.server.aliases(NAME) == {}
    assert not place.check.allowed
    assert place.open == []


def test_glass_broken_in_vain_leaves_no_permission_and_nothing_open(
    place: Place, tmp_path: Path
) -> None:
    """The server decides by stricter rules than the client: here its policy has no break-glass."""
    client = place.organisation.world.root
    strict = tmp_path / "strict"
    strict.mkdir()
    for file in ("aims.yaml", "assessment.yaml"):
        (strict / file).write_text((client / file).read_text())
    (strict / "policies").mkdir()
    text = (client / "policies" / "production.yaml").read_text().replace(GLASS, "")
    (strict / "policies" / "production.yaml").write_text(text)
    url = place.organisation.world.project.store_url
    place.server.stop()
    place.server.environment |= {"AIMS_PROJECT": str(strict), "AIMS_STORE_URL": url}
    place.server.start()
    done = place.promote("cy")
    assert done.returncode == 3, done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] == "failed"
    assert place.server.aliases(NAME) == {}
    assert place.open == []
    assert "break-glass.carried-out" in {reason.rule for reason in place.check.reasons}
