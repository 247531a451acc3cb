"""Where no policy applies, MLflow is as it is without us: every registry method of its client.

The same calls go to MLflow's own store and to the same store behind `aims://`, each on a database
of its own. Answers and errors have to be equal, but for times and generated ids.
"""

from __future__ import annotations

import inspect
import re
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from aims_mlops.inventory.project import forget_stores

PROMPT = "sandbox-prompt"
MODEL = "sandbox"
_TIME = re.compile(r"(time|timestamp)")
_ID = re.compile(
    r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\bm-[0-9a-f]{32}\b"
)
_LEFT_OUT = {
    # They read or write runs, traces and logged models only; the registry is not asked.
    "link_prompt_versions_to_trace",
}


class Scenario:
    """One client, what it was asked and what came of it, in order."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.answers: list[tuple[str, Any]] = []
        self.called: set[str] = set()

    def ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        self.called.add(method)
        result: Any = None
        try:
            result = getattr(self.client, method)(*arguments, **named)
        except Exception as error:  # errors have to be the same, too
            code = getattr(error, "error_code", None)
            self.answers.append((method, (type(error).__name__, code, self._plain(str(error)))))
            return None
        for thread in threading.enumerate():  # MLflow links a prompt to its experiment beside us
            if thread.name.startswith("link_prompt"):
                thread.join()
        self.answers.append((method, self._plain(result)))
        return result

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return _ID.sub("ID", value.replace(str(self.folder), "FOLDER"))
        if isinstance(value, dict):
            return {k: self._plain(v) for k, v in value.items() if not _TIME.search(str(k))}
        if isinstance(value, (list, tuple)):
            return [self._plain(entry) for entry in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, (type, Enum)):
            return str(value)
        slots = {k: getattr(value, k) for k in getattr(value, "__slots__", ())}
        parts = getattr(value, "__dict__", {}) | slots
        return type(value).__name__, self._plain({k.lstrip("_"): v for k, v in parts.items()})


def models(s: Scenario, source: str, run_id: str) -> None:
    s.ask("create_registered_model", MODEL, {"team": "x"}, "a description")
    s.ask("create_registered_model", MODEL)
    s.ask("create_registered_model", "")
    s.ask("update_registered_model", MODEL, "another")
    s.ask("set_registered_model_tag", MODEL, "env", "prod")
    s.ask("delete_registered_model_tag", MODEL, "team")
    s.ask("get_registered_model", MODEL)
    s.ask("get_registered_model", "nobody")
    for tags in (None, {"env": "prod"}):
        s.ask("create_model_version", MODEL, source, run_id, tags=tags, description="d")
    s.ask("create_model_version", "nobody", source, run_id)
    s.ask("update_model_version", MODEL, "1", "better")
    s.ask("set_model_version_tag", MODEL, "1", "env", "prod")
    s.ask("set_model_version_tag", MODEL, "9", "env", "prod")
    s.ask("delete_model_version_tag", MODEL, "1", "env")
    s.ask("get_model_version", MODEL, "1")
    s.ask("get_model_version", MODEL, "9")
    s.ask("get_model_version_download_uri", MODEL, "1")
    s.ask("get_model_version_stages", MODEL, "1")
    for alias, version in (("production", "1"), ("Champion", "2"), ("latest", "1"), ("v1", "1")):
        s.ask("set_registered_model_alias", MODEL, alias, version)
    s.ask("set_registered_model_alias", MODEL, "production", "9")
    s.ask("set_registered_model_alias", "nobody", "production", "1")
    s.ask("get_model_version_by_alias", MODEL, "production")
    s.ask("get_model_version_by_alias", MODEL, "nothing")
    s.ask("delete_registered_model_alias", MODEL, "Champion")
    s.ask("delete_registered_model_alias", MODEL, "nothing")
    s.ask("transition_model_version_stage", MODEL, "1", "Production")
    s.ask("transition_model_version_stage", MODEL, "2", "Production", True)
    s.ask("transition_model_version_stage", MODEL, "2", "Nowhere")
    s.ask("get_latest_versions", MODEL)
    s.ask("get_latest_versions", MODEL, ["Production"])
    s.ask("search_registered_models", order_by=["name DESC"])
    s.ask("search_registered_models", "name LIKE 'sand%'", 1)
    s.ask("search_model_versions", f"name='{MODEL}'", order_by=["version_number ASC"])
    s.ask("copy_model_version", f"models:/{MODEL}/1", "sandbox-copy")
    s.ask("rename_registered_model", MODEL, "sandbox-renamed")
    s.ask("rename_registered_model", "nobody", "sandbox-renamed")
    s.ask("delete_model_version", "sandbox-renamed", "1")
    s.ask("delete_model_version", "sandbox-renamed", "1")
    s.ask("delete_registered_model", "sandbox-renamed")
    s.ask("delete_registered_model", "sandbox-renamed")


def prompts(s: Scenario, run_id: str, model_id: str) -> None:
    s.ask("create_prompt", PROMPT, "a prompt", {"team": "x"})
    s.ask("create_prompt_version", PROMPT, "Hello {{name}}", "first", {"k": "v"})
    s.ask("register_prompt", PROMPT, "Good day {{name}}", "second")
    s.ask("get_prompt", PROMPT)
    s.ask("get_prompt_version", PROMPT, "1")
    s.ask("set_prompt_alias", PROMPT, "production", 2)
    s.ask("get_prompt_version_by_alias", PROMPT, "production")
    s.ask("load_prompt", f"prompts:/{PROMPT}@production")
    s.ask("parse_prompt_uri", f"prompts:/{PROMPT}/1")
    s.ask("set_prompt_tag", PROMPT, "env", "prod")
    s.ask("delete_prompt_tag", PROMPT, "env")
    s.ask("set_prompt_version_tag", PROMPT, "1", "env", "prod")
    s.ask("delete_prompt_version_tag", PROMPT, "1", "env")
    s.ask("link_prompt_version_to_run", run_id, f"prompts:/{PROMPT}/1")
    s.ask("link_prompt_version_to_model", PROMPT, "1", model_id)
    s.ask("list_logged_prompts", run_id)
    s.ask("set_prompt_version_tag", PROMPT, "1", "mlflow.prompt.associatedRunIds", run_id)
    s.ask("detach_prompt_from_run", run_id, f"prompts:/{PROMPT}/1")
    s.ask("search_prompts")
    s.ask("search_prompt_versions", PROMPT)
    s.ask("delete_prompt_alias", PROMPT, "production")
    s.ask("delete_prompt_version", PROMPT, "2")
    s.ask("delete_prompt_version", PROMPT, "1")
    s.ask("delete_prompt", PROMPT)
    s.ask("get_prompt", PROMPT)


def webhooks(s: Scenario) -> None:
    made = s.ask("create_webhook", "hook", "https://1.1.1.1/hook", ["model_version.created"])
    hook = made.webhook_id if made is not None else "none"
    s.ask("get_webhook", hook)
    s.ask("list_webhooks")
    s.ask("update_webhook", hook, description="changed")
    s.ask("test_webhook", hook)
    s.ask("delete_webhook", hook)
    s.ask("get_webhook", hook)


@pytest.fixture
def play(
    organisation: Any, base_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Scenario]]:
    import mlflow

    # A key of no worth, so that the store needs no other.
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", "A" * 43 + "=")

    def run(prefix: str) -> Scenario:
        folder = tmp_path / (prefix.rstrip(":/") or "bare")
        folder.mkdir()
        shutil.copy(base_database, folder / "mlflow.db")
        (folder / "model").mkdir()
        (folder / "model" / "weights.txt").write_text("weights")
        uri = f"sqlite:///{folder}/mlflow.db"
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=f"{prefix}{uri}")
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(f"{prefix}{uri}")
        run_id = client.create_run("0").info.run_id
        model_id = client.create_logged_model("0", source_run_id=run_id, name="m").model_id
        scenario = Scenario(client, folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            models(scenario, f"file://{folder}/model", run_id)
            prompts(scenario, run_id, model_id)
            webhooks(scenario)
        return scenario

    yield run
    mlflow.set_registry_uri(None)
    mlflow.set_tracking_uri(None)
    forget_stores()


def of_the_registry() -> set[str]:
    """Public methods of the client whose code asks the registry."""
    from mlflow import MlflowClient

    return {
        name
        for name, method in inspect.getmembers(MlflowClient, callable)
        if not name.startswith("_")
        and "_get_registry_client" in inspect.getsource(inspect.unwrap(method))
    }


def test_every_registry_method_answers_as_the_bare_store(play: Callable[[str], Scenario]) -> None:
    bare, gated = play(""), play("aims://")
    assert of_the_registry() - _LEFT_OUT <= bare.called
    assert len(bare.answers) == len(gated.answers)
    for number, (one, other) in enumerate(zip(bare.answers, gated.answers, strict=True)):
        assert one == other, f"answer {number} of {one[0]}"
    worked = {name for name, answer in bare.answers if not _is_error(answer)}
    server_only = {"test_webhook"}  # no store does it, MLflow's server does
    assert of_the_registry() - _LEFT_OUT - server_only <= worked, (
        "a method that only ever failed shows nothing"
    )


def _is_error(answer: Any) -> bool:
    return isinstance(answer, tuple) and len(answer) == 3
