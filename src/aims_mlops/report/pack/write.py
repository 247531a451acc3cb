"""A pack on the disk: a folder or a ZIP file, complete or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aims_verify
from aims_mlops.errors import InputError

RUN = """\
Verify the evidence of this pack without its organisation and without a network.
You need Python 3.11 or newer and the package `cryptography`. In this folder:

    python3 -m aims_verify.cli ../evidence.aims

--key KEY           the log's key, which you got by another way
--checkpoint FILE   a checkpoint that you kept from an earlier audit
Exit code: 0 all that could be checked holds, 1 something fails, 2 the file cannot be read.
The verifier is open source; compare these files with those that you got by another way.
"""


def write_pack(
    target: Path, texts: Mapping[str, str], bundles: Callable[[Path], None], about: dict[str, Any]
) -> str:
    """Write the pack; the SHA-256 (hex) of its pack.json, which names every other file by digest.

    target : a folder that is empty or not there, or a file ending in .zip that is not there.
    texts : path in the pack -> text.  bundles : writes the bundles into a folder.
    Raises InputError for a target that is taken or cannot be written.
    """
    as_zip = target.suffix.lower() == ".zip"
    if target.exists() and (as_zip or not target.is_dir() or any(target.iterdir())):
        raise InputError(
            f"{target} exists and is not overwritten",
            expected="an empty folder, or a name that is free",
            next_step="name another folder or ZIP file",
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as held:
            folder = Path(held) / "pack"
            digest = _fill(folder, texts, bundles, about)
            if as_zip:
                _zip(folder, Path(held) / "pack.zip")
                (Path(held) / "pack.zip").replace(target)
            else:
                if target.is_dir():
                    target.rmdir()
                folder.replace(target)
    except OSError as error:
        raise InputError(
            f"the pack {target} cannot be written",
            got=error.strerror or type(error).__name__,
            next_step="name another place",
        ) from error
    return digest


def _fill(
    folder: Path, texts: Mapping[str, str], bundles: Callable[[Path], None], about: dict[str, Any]
) -> str:
    folder.mkdir()
    bundles(folder)
    verifier = Path(aims_verify.__file__).parent
    (folder / "verify" / "aims_verify").mkdir(parents=True)
    for path in sorted(verifier.glob("*.py")):
        shutil.copyfile(path, folder / "verify" / "aims_verify" / path.name)
    for name, text in {**texts, "verify/README.txt": RUN}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    content = json.dumps({**about, "files": digests}, indent=2, sort_keys=True).encode()
    (folder / "pack.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
