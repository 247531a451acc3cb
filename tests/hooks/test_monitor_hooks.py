"""The schedules under hooks/ call what they should, where they should, with the real command."""

from __future__ import annotations

import ast
import configparser
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

HOOKS = Path(__file__).parents[2] / "hooks"
Script = Callable[[Path], str]


def yaml(path: str) -> Any:
    return YAML(typ="safe").load((HOOKS / path).read_text())


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(HOOKS / "systemd" / name)
    return found


def systemd(folder: Path) -> str:
    service = unit("aims-monitor.service")["Service"]
    assert service["Type"] == "oneshot"
    program = service["ExecStart"].replace("/srv/aims/.venv/bin/aims", "aims")
    allowed = service["SuccessExitStatus"]
    return f"cd {folder} && {{ {program} || test $? -eq {allowed}; }}"


def cron(folder: Path) -> str:
    text = (HOOKS / "cron" / "aims-monitor").read_text()
    (line,) = [one for one in text.splitlines() if one and not one.startswith("#")]
    *schedule, _user, command = line.split(None, 6)
    assert schedule == ["*/15", "*", "*", "*", "*"]
    environment = folder / "monitor.env"
    environment.touch()
    command = command.replace("/etc/aims/monitor.env", str(environment))
    command = command.replace(".venv/bin/aims", "aims").replace("/srv/aims", str(folder))
    return f"{command} || test $? -eq 1; code=$?; cat .aims/monitor.log; exit $code"


def kubernetes(folder: Path) -> str:
    job = yaml("kubernetes/aims-monitor.yaml")
    assert (job["kind"], job["spec"]["concurrencyPolicy"]) == ("CronJob", "Forbid")
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    work = folder / "work"
    work.mkdir()
    command = [part.replace("/etc/aims/*", f"{folder}/aims.yaml") for part in container["command"]]
    return f"cd {work} && {shlex.join(command)}"


def airflow(folder: Path) -> str:
    tree = ast.parse((HOOKS / "airflow" / "aims_monitor.py").read_text())
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BashOperator"
    ]
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    return f"cd {folder} && {{ {said['bash_command']}; }}"


def github(folder: Path) -> str:
    workflow = yaml("github-actions/aims-monitor.yml")
    steps = workflow["jobs"]["monitor"]["steps"]
    return f"cd {folder} && {{ {next(s['run'] for s in steps if s.get('name') == 'Monitor')}; }}"


SCRIPTS: list[Any] = [
    pytest.param(s, id=s.__name__) for s in (systemd, cron, kubernetes, airflow, github)
]


def run(script: str, store: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AIMS_STORE_URL": store,
    }
    return subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    monitor = "{id: daily, data: '{day}.parquet', measures: [volume]}"
    text = f"version: 1\nsystems:\n  - {{id: loans, monitoring: [{monitor}]}}\n"
    (tmp_path / "aims.yaml").write_text(text)
    (tmp_path / ".aims").mkdir()
    return tmp_path


@pytest.mark.parametrize("hook", SCRIPTS)
def test_schedule_does_what_is_due(hook: Script, project: Path) -> None:
    done = run(hook(project), f"sqlite:///{project}/evidence.db")
    assert done.returncode == 0, done.stderr
    assert "Nothing is due." in done.stdout


@pytest.mark.parametrize("hook", SCRIPTS)
def test_something_wrong_is_no_failure_of_the_schedule(hook: Script, project: Path) -> None:
    """A system in operation since yesterday without data: told, and exit code 1 of the command."""
    put = """
import datetime, time_machine
from aims_mlops.inventory.project import find_project
from aims_mlops.evidence.clock import now
from aims_mlops.evidence.records import Evidence, Subject
with time_machine.travel(datetime.datetime.now() - datetime.timedelta(days=1)):
    body = {"event": "deployed", "target": "pilot", "where": "x", "model": "a" * 64}
    find_project().open_store().append(Evidence(kind="deployment", body=body, actor="ana",
        subjects=(Subject("model:m", "a" * 64),), claimed_at=now(), system="loans"))
"""
    store = f"sqlite:///{project}/evidence.db"
    environment = os.environ | {"AIMS_STORE_URL": store}
    subprocess.run([sys.executable, "-c", put], cwd=project, env=environment, check=True)
    done = run(hook(project), store)
    assert done.returncode == 0, done.stderr
    assert "no data" in done.stdout


@pytest.mark.parametrize("hook", SCRIPTS)
def test_store_that_is_away_fails_the_schedule(hook: Script, project: Path) -> None:
    assert run(hook(project), "sqlite:////dev/null/evidence.db").returncode != 0


def test_timer_catches_up_after_an_outage() -> None:
    timer = unit("aims-monitor.timer")["Timer"]
    assert timer["Persistent"] == "true"
    assert timer["OnCalendar"] == "*:0/15"
