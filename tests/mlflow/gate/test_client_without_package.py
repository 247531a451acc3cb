"""A client of MLflow in an environment that has nothing of ours: what it is told, and what it may.

The environment is a folder of links to every installed package but ours, read by a Python that is
started without site-packages. Nothing is blocked or pretended: our code is simply not there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CLIENT = """
import importlib.metadata, importlib.util, json, sys, warnings
warnings.simplefilter("ignore")
import mlflow
from mlflow import MlflowClient

assert importlib.util.find_spec("aims_mlops") is None
names = [entry.name for group in ("mlflow.model_registry_store", "mlflow.run_context_provider")
         for entry in importlib.metadata.entry_points(group=group)]
assert "aims" not in names, names

url, name, version = sys.argv[1:]
mlflow.set_tracking_uri(url)
client = MlflowClient()
found = {}


def tried(what, call):
    try:
        call()
        found[what] = None
    except mlflow.exceptions.MlflowException as error:
        found[what] = {"kind": type(error).__name__, "code": error.error_code,
                       "words": str(error), "aims": getattr(error, "json", {}).get("aims")}


tried("alias", lambda: client.set_registered_model_alias(name, "production", version))
tried("stage", lambda: client.transition_model_version_stage(name, version, "Production"))
tried("tag", lambda: client.set_model_version_tag(name, version, "env", "prod"))
tried("copy", lambda: client.copy_model_version(f"models:/{name}/{version}", "prod.copied"))
tried("rename", lambda: client.rename_registered_model(name, f"prod.{name}"))
tried("free alias", lambda: client.set_registered_model_alias(name, "candidate", version))
found["aliases"] = dict(client.get_registered_model(name).aliases)
print("FOUND " + json.dumps(found))
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every installed package but ours, as links."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(kind).iterdir():
            if "aims" not in entry.name and entry.suffix != ".pth":
                (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture
def run_client(
    gated: Any, organisation: Any, packages: Path, tmp_path: Path
) -> Callable[[str, str], Any]:
    def run(name: str, version: str) -> Any:
        head = f"import sys; sys.path.insert(0, {str(packages)!r})"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", f"{head}\n{CLIENT}", gated.url, name, version],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "MLFLOW_DISABLE_TELEMETRY": "true",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        line = next(line for line in done.stdout.splitlines() if line.startswith("FOUND "))
        return json.loads(line.removeprefix("FOUND "))

    return run


def test_client_is_refused_with_reasons_and_later_allowed(
    gated: Any, organisation: Any, run_client: Callable[[str, str], Any], tmp_path: Path
) -> None:
    name = "loans-of-a-client"
    version = gated.register(name, f"content {name}")
    found = run_client(name, version)
    for what in ("alias", "stage", "tag", "rename"):
        assert found[what]["kind"] == "RestException", found
        assert found[what]["code"] == "PERMISSION_DENIED"
        assert "Next: " in found[what]["words"]
        assert found[what]["aims"]["reasons"]
    assert "assessment.submitted" in found["alias"]["words"]
    assert "403" in found["copy"]["words"] or "refused" in found["copy"]["words"]
    assert found["free alias"] is None
    assert found["aliases"] == {"candidate": version}
    organisation.ready(f"content {name}", tmp_path)
    found = run_client(name, version)
    assert [found[what] for what in ("alias", "stage", "tag")] == [None, None, None]
    assert found["aliases"] == {"candidate": version, "production": version}
    assert found["copy"] is not None  # prod.copied is not declared letter by letter
