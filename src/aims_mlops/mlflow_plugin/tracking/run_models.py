"""The models that a run of MLflow left, by the files where the server keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aims_mlops.errors import InputError, ModelNotFoundError
from aims_mlops.evidence.records import Subject
from aims_mlops.mlflow_plugin.client.model_uris import digested
from aims_mlops.mlflow_plugin.registry.version_content import server_location

Lacks = Callable[[str, Exception], None]  # where something could not be captured, and why

_FILE_BYTES = 1_000_000  # of a file that describes a model


@dataclass(slots=True)
class CapturedFiles:
    """A model's content, its `model` body, and what its own files say of the environment."""

    name: str
    uri: str
    sha256: str
    body: dict[str, Any]
    packages: dict[str, str]
    python: str | None

    @property
    def subject(self) -> Subject:
        """The model as a subject: its name and the digest of its files."""
        return Subject(f"model:{self.name}", self.sha256)


def logged_models(store: Any, run: Any, lacks: Lacks) -> Iterator[CapturedFiles]:
    """The logged models among a run's outputs, each with its files digested."""
    for output in run.outputs.model_outputs if run.outputs else ():
        try:
            logged = store.get_logged_model(output.model_id)
        except Exception as error:  # noqa: BLE001  deleted meanwhile, or not to be read
            lacks(f"model {output.model_id}", error)
            continue
        uri = f"models:/{output.model_id}"
        model = model_at(logged.name, uri, logged.artifact_location, lacks)
        if model is not None:
            yield model


def models_among_artifacts(
    run: Any, tags: Mapping[str, str], lacks: Lacks
) -> Iterator[CapturedFiles]:
    """Models among a run's artifacts, as clients of MLflow 2 log them."""
    try:
        listed = json.loads(tags.get("mlflow.log-model.history", "[]"))
    except ValueError as error:
        lacks("model", error)
        return
    if run.outputs and run.outputs.model_outputs:
        return
    for entry in listed if isinstance(listed, list) else ():
        path = str(entry.get("artifact_path") or "") if isinstance(entry, dict) else ""
        path = path.strip("/")
        if ".." in path.split("/"):  # a client wrote it, and it leads out of the run
            lacks("model", InputError("the path of a logged model leads out of its run"))
        elif path:
            uri = f"runs:/{run.info.run_id}/{path}"
            model = model_at(path, uri, f"{run.info.artifact_uri}/{path}", lacks)
            if model is not None:
                yield model


def model_at(name: str, uri: str, location: str, lacks: Lacks) -> CapturedFiles | None:
    """The model at an artifact location of the server; None, and a gap, if it cannot be read."""
    try:
        with digested(server_location(location)) as (found, folder):
            if not found.files:
                raise ModelNotFoundError("the model's folder is empty")
            described = _describe(folder)
            body = {
                "name": name,
                "sha256": found.sha256,
                "files": [
                    {"path": f.path, "size": f.size, "sha256": f.sha256} for f in found.files
                ],
                "size_bytes": found.size,
                "framework": described["framework"],
                "class": None,
                "signature": described["signature"],
                "uri": uri,
            }
            return CapturedFiles(
                name, uri, found.sha256, body, _requirements(folder), described["python"]
            )
    except Exception as error:  # noqa: BLE001  a model that cannot be read is a gap of the run
        lacks(f"model {name}", error)
        return None


def _describe(folder: Path) -> dict[str, Any]:
    """Flavor, Python and signature out of the MLmodel file; it is YAML that a client wrote."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    nothing: dict[str, Any] = {"framework": None, "python": None, "signature": None}
    path = folder / "MLmodel"
    if not path.is_file() or path.stat().st_size > _FILE_BYTES:
        return nothing
    try:
        read = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        flavors = read.get("flavors") or {}
        python = (flavors.get("python_function") or {}).get("python_version")
        others = sorted(set(flavors) - {"python_function"})
        signature = {
            side: json.loads(text)
            for side, text in (read.get("signature") or {}).items()
            if isinstance(text, str)
        }
    except (ValueError, AttributeError, YAMLError):
        return nothing
    framework = others[0] if others else ("python_function" if flavors else None)
    return {
        "framework": framework,
        "python": str(python) if python else None,
        "signature": signature or None,
    }


def _requirements(folder: Path) -> dict[str, str]:
    path = folder / "requirements.txt"
    if not path.is_file() or path.stat().st_size > _FILE_BYTES:
        return {}
    pinned = (line.partition("==") for line in path.read_text(encoding="utf-8").splitlines())
    return {
        name.strip(): version.strip()[:100]
        for name, equals, version in pinned
        if equals and name.strip() and not name.lstrip().startswith("#")
    }
