"""A model's file digests as the statement that OpenSSF model signing signs.

Nothing is signed here. The statement lets a signature made elsewhere be held against evidence, and
evidence against the signature. docs/digests.md says what is the same on both sides and what not.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any

from aims_mlops.measures.fingerprint.files import FilesFingerprint

PREDICATE_TYPE = "https://model_signing/signature/v1.0"


def signing_statement(found: FilesFingerprint, name: str) -> dict[str, Any]:
    """The in-toto Statement v1 of model signing 1.0 for a folder's fingerprint.

    name : of the model's folder; informative, it changes no digest.
    Serialisation `files` with SHA-256 and without symbolic links, which a fingerprint refuses. An
    implementation may add fields of its own under `serialization`, such as ignored paths.
    """
    # Paths are ordered part by part there, not as whole strings: a/b comes before a-b.
    files = sorted(found.files, key=lambda file: PurePosixPath(file.path))
    root = hashlib.sha256(b"".join(bytes.fromhex(file.sha256) for file in files))
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": root.hexdigest()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": [
                {"name": file.path, "algorithm": "sha256", "digest": file.sha256} for file in files
            ],
        },
    }
