"""A model's content without what is new each time that it is written: `aims-model-v1`.

Two trainings that give the same model give two raw digests: MLflow writes run, time and ids
into its `MLmodel`, skops numbers objects by their addresses, archives hold times. This digest is
over the files in a canonical form, of which docs/digests.md has the rules. Nothing is executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import rfc8785

from aims_mlops.evidence.model_reference import FileDigest
from aims_mlops.measures.fingerprint.pickle_content import canonical_pickle

SCHEME = "aims-model-v1"
_SIZE_LIMIT = 200_000_000  # bytes of a file that is read into memory to be made canonical
_VOLATILE = frozenset(
    ("run_id", "model_id", "model_uuid", "utc_time_created", "artifact_path", "model_size_bytes")
)  # of MLmodel
_VOLATILE_JSON = frozenset(("date_saved",))  # of an archive of Keras
# As FlatBuffers write a text: its length, the text, and zeros up to the next four bytes. The
# numbers of a GUID are written without leading zeros, so that length and zeros differ with it.
_GUID = re.compile(rb"(?s)(.{4})([0-9a-f]{1,8}(?:-[0-9a-f]{1,8}){3})\0+")
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class ModelContent:
    """The canonical digest of a model's files.

    sha256 : hex.  changed : paths of the files that were not taken byte by byte.
    """

    sha256: str
    changed: tuple[str, ...]

    def to_body(self) -> dict[str, Any]:
        """What stands in the model's evidence under `canonical`."""
        return {"scheme": SCHEME, "sha256": self.sha256, "changed": list(self.changed)}


def model_content(folder: Path, files: Iterable[FileDigest]) -> ModelContent:
    """The canonical digest of the files of a model, whose raw digests are known.

    folder : where they lie.  A file that cannot be read in its canonical form counts by its bytes.
    """
    listed, changed = [], []
    for file in sorted(files, key=lambda file: file.path.encode()):
        sha256 = _canonical(folder / file.path, file)
        if sha256 is not None:
            changed.append(file.path)
        listed.append({"path": file.path, "sha256": sha256 or file.sha256})
    manifest: dict[str, Any] = {"scheme": SCHEME, "files": listed}
    return ModelContent(hashlib.sha256(rfc8785.dumps(manifest)).hexdigest(), tuple(changed))


def _canonical(path: Path, file: FileDigest) -> str | None:
    read = _reader_of(file.path)
    if read is None or file.size > _SIZE_LIMIT:
        return None
    try:
        return hashlib.sha256(read(path.read_bytes())).hexdigest()
    except Exception:  # noqa: BLE001  not what its name says: its bytes count
        return None


def _reader_of(path: str) -> Callable[[bytes], bytes] | None:
    name = PurePosixPath(path).name
    if name == "MLmodel":
        return _mlmodel
    return _READERS.get(PurePosixPath(path).suffix.lower())


def _mlmodel(content: bytes) -> bytes:
    from ruamel.yaml import YAML

    found = YAML(typ="safe", pure=True).load(content.decode())
    return _json({name: value for name, value in found.items() if name not in _VOLATILE})


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()


def _archive(content: bytes) -> bytes:
    """Members by name and content; neither times nor the order in which they were written."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if "schema.json" in members:
        return _skops(members)
    listed: dict[str, str] = {}
    for name, inside in members.items():
        if name.endswith("/.data/serialization_id"):
            continue  # of PyTorch: a hash over the bytes of the others, as they are written
        if name.endswith(".pkl"):
            inside = canonical_pickle(inside)
        elif name == "metadata.json":
            found = json.loads(inside)
            inside = _json({k: v for k, v in found.items() if k not in _VOLATILE_JSON})
        elif name == "config.json":
            inside = _json(_numbered(json.loads(inside), {}))
        listed[name] = hashlib.sha256(inside).hexdigest()
    return _json(listed)


def _numbered(value: Any, numbers: dict[Any, int]) -> Any:
    """The configuration of Keras, with its shared objects numbered in order, not by address."""
    if isinstance(value, list):
        return [_numbered(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: numbers.setdefault(item, len(numbers))
        if name == "shared_object_id" and isinstance(item, int)
        else _numbered(item, numbers)
        for name, item in value.items()
    }


def _skops(members: dict[str, bytes]) -> bytes:
    """The schema with objects numbered in order, and arrays in the place of their files' names."""
    numbers: dict[Any, int] = {}

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        found: dict[str, Any] = {}
        for name, item in value.items():
            if name == "__id__":
                found[name] = numbers.setdefault(item, len(numbers))
            elif name == "file" and isinstance(item, str) and item in members:
                found[name] = _array_digest(item, members[item])
            elif name == "_mlflow_run_id":
                continue
            else:
                found[name] = walk(item)
        return found

    return _json(walk(json.loads(members["schema.json"])))


def _array_digest(name: str, content: bytes) -> str:
    running = hashlib.sha256()
    if name.endswith(".npy"):
        import numpy as np

        array = np.load(io.BytesIO(content), allow_pickle=False)
        running.update(f"{array.dtype.descr}{array.shape}".encode())
        if array.dtype.names:  # without the padding between the fields, which is anything
            for field in array.dtype.names:
                running.update(np.ascontiguousarray(array[field]).tobytes())
        else:
            running.update(np.ascontiguousarray(array).tobytes())
    else:
        running.update(content)
    return running.hexdigest()


def _catboost(content: bytes) -> bytes:
    return _TIME.sub(b"", _GUID.sub(_without_guid, content))


def _without_guid(found: re.Match[bytes]) -> bytes:
    length, text = found.groups()
    return b"" if int.from_bytes(length, "little") == len(text) else found.group()


_READERS: dict[str, Callable[[bytes], bytes]] = {
    ".skops": _archive,
    ".keras": _archive,
    ".pth": _archive,
    ".pt2": _archive,
    ".pkl": canonical_pickle,
    ".pickle": canonical_pickle,
    ".statsmodels": canonical_pickle,
    ".cb": _catboost,
}
