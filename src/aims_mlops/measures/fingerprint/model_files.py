"""Models that are found by path or by digest, with no registry behind them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aims_mlops.errors import ModelNotFoundError
from aims_mlops.evidence.model_reference import ModelReference
from aims_mlops.measures.fingerprint.files import fingerprint_files
from aims_mlops.plugins import hookimpl

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters and more: C:\ is a path
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@hookimpl
def resolve_model(uri: str) -> ModelReference | None:
    """The model at a local path (a file or folder), a file: URL, or `sha256:<hex>`.

    Returns None for URIs of any other scheme. Raises ModelNotFoundError for a path with nothing
    at it and for a digest that is not one; InputError for a folder with symbolic links.
    """
    if uri.startswith("sha256:"):
        digest = uri.removeprefix("sha256:").lower()
        if not _DIGEST.match(digest):
            raise ModelNotFoundError(
                f"model {uri[:80]!r} is not a digest",
                got=f"{len(digest)} characters",
                expected="sha256: and 64 hex digits",
                next_step="copy the digest from the evidence of the model",
            )
        return ModelReference(uri=f"sha256:{digest}", sha256=digest)
    if uri.startswith("file:"):
        parts = urlsplit(uri)
        if parts.netloc not in ("", "localhost"):
            return None
        path = Path(unquote(parts.path))
    elif _SCHEME.match(uri):
        return None
    else:
        path = Path(uri)
    if not uri or not path.exists():
        raise ModelNotFoundError(
            f"no model at path {str(path)!r}",
            expected="a file or folder, models:/name/version, or sha256:<digest>",
            next_step="check the path; it is taken from the current folder",
        )
    found = fingerprint_files(path)
    if not found.files:
        raise ModelNotFoundError(
            f"folder {str(path)!r} holds no file",
            expected="the files of a model",
            next_step="check that the model was written there",
        )
    return ModelReference(uri=uri, sha256=found.sha256, files=found.files)
