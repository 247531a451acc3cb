"""`aims serve-model` as a real process: who may be served, what is answered, what is counted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import aims_mlops as aims
from aims_mlops.inference_log.recorder.recorders import forget_recorders
from aims_mlops.inference_log.recorder.recovery import tell_losses
from aims_mlops.inventory.project import Project, forget_stores
from aims_mlops.measures.fingerprint.files import fingerprint_files
from aims_mlops.store.disk.spool import drain

# 60 is what issue 7 asks for; AIMS_LOAD_SECONDS=60 runs that.
LOAD_SECONDS = float(os.environ.get("AIMS_LOAD_SECONDS", "6"))
ROW = json.dumps({"dataframe_split": {"columns": ["income", "debt"], "data": [[3.0, 1.0]]}})


@pytest.fixture(autouse=True)
def variable_of_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMS_LOAD_SECONDS", raising=False)


def rows(project: Project) -> pd.DataFrame:
    return pd.read_parquet(project.root / "log" / "system=loans")


def bodies(project: Project, event: str) -> list[dict[str, Any]]:
    forget_stores()
    found = [dict(r.evidence.body) for r in project.open_store().find(kind="inference-log")]
    return [body for body in found if body["event"] == event]


def test_scoring_protocol_is_mlflows_and_what_was_asked_is_logged(
    project: Project, serve: Callable[..., Any]
) -> None:
    digest = fingerprint_files(project.root / "model").sha256
    with serve() as server:
        assert server.url, server.said
        assert server.ask("GET", "/ping")[0] == 200
        assert server.ask("GET", "/health")[0] == 200
        assert server.ask("GET", "/version")[1].decode() == version("mlflow")
        status, answer, headers = server.ask("POST", "/invocations", ROW, **{"X-Request-ID": "r-1"})
        assert (status, headers["X-Request-ID"]) == (200, "r-1")
        assert json.loads(answer) == {"predictions": [1]}
        two = {"dataframe_records": [{"income": 1.0, "debt": 9.0}, {"income": 9.0, "debt": 1.0}]}
        assert json.loads(server.ask("POST", "/invocations", json.dumps(two))[1]) == {
            "predictions": [0, 1]
        }
        csv = server.ask(
            "POST", "/invocations", "income,debt\n1,9\n", **{"Content-Type": "text/csv"}
        )
        assert json.loads(csv[1]) == {"predictions": [0]}
        assert server.ask("POST", "/invocations", "{}")[0] == 400
        shutil.rmtree(project.root / "model")  # it answers from a copy of its own
        assert server.ask("POST", "/invocations", ROW)[0] == 200
    found = rows(project).sort_values(["time", "row"])
    assert list(found["income"]) == [3.0, 1.0, 9.0, 1.0, 3.0]
    assert list(found["prediction"]) == [1, 0, 1, 0, 1]
    assert found["request_id"].iloc[0] == "r-1"
    assert set(found["model"]) == {digest}
    assert set(found["target"]) == {"production"}
    (body,) = bodies(project, "written")
    assert (body["calls"], body["rows"], body["failed_calls"]) == (4, 5, 1)
    assert body["errors"] == {"HTTP 400": 1}


def test_tampered_model_is_refused_at_start(project: Project, serve: Callable[..., Any]) -> None:
    weights = next((project.root / "model").glob("model.*"))
    weights.write_bytes(weights.read_bytes() + b"\0")
    with serve() as server:
        assert server.process.wait(60) == 1
        assert server.url == ""
    said = "\n".join(server.said)
    assert "decision.exists" in said
    assert "not served" in said
    assert not (project.root / "log").exists()


def test_model_that_nobody_decided_about_is_refused(
    project: Project, serve: Callable[..., Any]
) -> None:
    shutil.copytree(project.root / "model", project.root / "other")
    (project.root / "other" / "extra.py").write_text("import os\n")
    with serve(model="other") as server:
        assert server.process.wait(60) == 1


def test_demoted_version_is_refused_at_the_next_check_and_back_when_decided_again(
    project: Project,
    serve: Callable[..., Any],
    promotion: Callable[[str], Any],
    wait_for: Callable[..., None],
) -> None:
    promotion("set")
    with serve("--check-every", "0.5") as server:
        assert server.ask("POST", "/invocations", ROW)[0] == 200
        promotion("removed")
        wait_for(lambda: server.ask("POST", "/invocations", ROW)[0] != 200)
        answer = server.ask("POST", "/invocations", ROW)
        assert answer[0] == 503
        said = json.loads(answer[1])
        assert [reason["rule"] for reason in said["reasons"]] == ["decision.not-demoted"]
        assert server.ask("GET", "/ping")[0] == 503
        assert server.ask("GET", "/version")[0] == 200
        promotion("set")
        wait_for(lambda: server.ask("POST", "/invocations", ROW)[0] == 200)
    assert len(bodies(project, "served")) == 1
    assert bodies(project, "refused")[0]["reasons"][0]["rule"] == "decision.not-demoted"
    assert len(bodies(project, "served again")) == 1


def test_answer_that_cannot_be_had_leaves_the_last_one_standing_for_the_grace_only(
    project: Project, serve: Callable[..., Any], wait_for: Callable[..., None]
) -> None:
    """The grace is long beside the time between checks, so that a slow machine makes no odds."""
    with serve("--check-every", "0.2", "--grace", "15") as server:
        (project.root / "policy.yaml").unlink()
        begun = time.monotonic()
        assert server.ask("POST", "/invocations", ROW)[0] == 200
        wait_for(lambda: server.ask("POST", "/invocations", ROW)[0] != 200)
        assert time.monotonic() - begun > 1.5  # many checks, none of which had an answer


def test_server_under_load_is_killed_and_started_again_and_every_loss_is_counted(
    project: Project, serve: Callable[..., Any], load: Callable[..., Any]
) -> None:
    """Half the time on a server that is killed in the middle of it, half on the next one."""
    answered = 0
    with serve() as server:
        seen: list[Any] = []
        clients = threading.Thread(
            target=lambda: seen.append(load(server.url, LOAD_SECONDS, 4)), daemon=True
        )
        clients.start()
        time.sleep(LOAD_SECONDS / 2)
        assert clients.is_alive()  # all of them are still being answered
        server.stop(signal.SIGKILL)
        clients.join(120)
        (first,) = seen
        assert set(first.statuses) == {200}
        assert first.unanswered == 4  # one for each client: what was under way at the kill
        answered += sum(first.statuses.values())
    assert not [p for p in (project.root / "log").rglob("*") if p.name.endswith(".part")]
    with serve() as server:
        second = load(server.url, LOAD_SECONDS / 2, 4)
        assert set(second.statuses) == {200}
        assert second.unanswered == 0
        answered += sum(second.statuses.values())
    (lost,) = bodies(project, "lost")
    found = rows(project)
    assert len(found) == found["request_id"].nunique()
    # At the kill each of the 4 clients may have had a call that was counted and never answered.
    counted = len(found) + lost["lost"]
    assert answered <= counted <= answered + 4
    assert second.ids <= set(found["request_id"])
    written = sum(body["written"] for body in bodies(project, "written"))
    assert written == sum(second.statuses.values())
    assert lost["rows"] == lost["written"] + lost["lost"]
    print(f"answered {answered}, written {len(found)}, lost {lost['lost']} in {LOAD_SECONDS} s")


def test_disk_that_is_full_costs_no_answer_and_is_counted(
    project: Project, start: Callable[..., Any], load: Callable[..., Any]
) -> None:
    """The server may write no file above 3,200 bytes: its counts fit, a file of one row does not.

    So every row is dropped, on however slow a machine.
    """
    program = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from aims_mlops.cli.main import main\n"
        "import mlflow.pyfunc, uvicorn\n"
        "import aims_mlops.inference_log.serving.serve_model as serving\n"
        "run = uvicorn.Server.run\n"
        "def limited(*arguments, **more):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (3_200, 3_200))\n"
        "    return run(*arguments, **more)\n"
        "uvicorn.Server.run = limited\n"
        "main(['serve-model', 'model', '--target', 'production', '--port', '0'])\n"
    )
    Path("limited.py").write_text(program)
    with start([sys.executable, "limited.py"]) as server:
        assert server.url, server.said
        found = load(server.url, 3.0, 4)
        assert set(found.statuses) == {200}
        assert found.unanswered == 0
    answered = sum(found.statuses.values())
    tell_losses(project)
    drain(project.root, project.open_store())  # the log in SQLite was full for it, too
    told = [*bodies(project, "written"), *bodies(project, "lost")]
    dropped = sum(sum(body["dropped"].values()) + body.get("lost", 0) for body in told)
    folder = project.root / "log" / "system=loans"
    files = list(folder.rglob("*.parquet"))
    assert dropped + (len(rows(project)) if files else 0) == answered
    assert dropped > 0


def test_pyfunc_model_of_mlflow_is_logged_with_its_digest(project: Project) -> None:
    model = aims.monitored_pyfunc(str(project.root / "model"), system="loans", target="production")
    frame = pd.DataFrame({"income": [3.0, 1.0], "debt": [1.0, 9.0]})
    assert list(model.predict(frame)) == [1, 0]
    assert model.metadata.signature is not None
    forget_recorders()
    found = rows(project)
    assert list(found["prediction"]) == [1, 0]
    assert list(found["debt"]) == [1.0, 9.0]
    assert set(found["model"]) == {fingerprint_files(project.root / "model").sha256}
