"""A copy of a model's files that nobody else can write to, held against their digest."""

from __future__ import annotations

import shutil
from pathlib import Path

from aims_mlops.errors import InputError, ModelNotFoundError, VerificationError
from aims_mlops.evidence.model_reference import ModelReference


def copy_model(model: ModelReference, into: Path) -> Path:
    """Copy the files of a model into a folder of this user's, and return where they are then.

    Between a check of files and their load somebody could change them; nobody can change the copy.
    Raises VerificationError if the copy has not the content of the reference, InputError for a bare
    digest, ModelNotFoundError.
    """
    from aims_mlops.measures.fingerprint.files import fingerprint_files

    if not model.files:
        raise InputError(
            f"{model.uri} has no files to serve",
            expected="a path, models:/… or runs:/…",
        )
    target = into / "model"
    source = _local(model)
    if source is None:
        _download(model, target)
    elif source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        target.mkdir(parents=True)
        shutil.copy2(source, target)
    _leave_only({file.path for file in model.files}, target)
    found = fingerprint_files(target if source is None or source.is_dir() else target / source.name)
    if found.sha256 != model.sha256:
        raise VerificationError(
            f"the files of {model.uri} changed while they were copied",
            got=f"sha256 {found.sha256[:16]}…",
            expected=f"{model.sha256[:16]}…",
            next_step="find out who writes there; then start again",
        )
    return target


def _local(model: ModelReference) -> Path | None:
    from urllib.parse import unquote, urlsplit

    if model.uri.startswith(("models:/", "runs:/")):
        return None
    if model.uri.startswith("file:"):
        return Path(unquote(urlsplit(model.uri).path))
    return Path(model.uri)


def _download(model: ModelReference, target: Path) -> None:
    import mlflow

    logged = model.source is not None and model.source.startswith("models:/m-")
    uri = model.source if model.name is None and logged else model.uri
    target.mkdir(parents=True)
    found = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(target)))
    if not found.exists():
        raise ModelNotFoundError(f"the files of {model.uri} could not be fetched")
    if found != target:  # below it, under a name of the artifact's
        for path in list(found.iterdir()):
            shutil.move(path, target / path.name)


def _leave_only(wanted: set[str], folder: Path) -> None:
    """Remove what came along and is not the model's: MLflow adds a file to its downloads."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
