"""A fingerprint in the shape of OpenSSF model signing, held against its published definition."""

from __future__ import annotations

import hashlib

from aims_mlops.exports.model_signing import signing_statement
from aims_mlops.measures.fingerprint.files import fingerprint_files


def _folder(root, **files):
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return fingerprint_files(root)


def test_subject_is_the_digest_over_the_files_digests_in_order(tmp_path):
    found = _folder(tmp_path, f3=b"three", d0__f01=b"one", d0__f00=b"zero")
    statement = signing_statement(found, "sample")
    digests = [hashlib.sha256(content).digest() for content in (b"zero", b"one", b"three")]
    assert statement["subject"] == [
        {"name": "sample", "digest": {"sha256": hashlib.sha256(b"".join(digests)).hexdigest()}}
    ]
    assert [r["name"] for r in statement["predicate"]["resources"]] == ["d0/f00", "d0/f01", "f3"]


def test_folders_are_ordered_part_by_part(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"1")
    (tmp_path / "a-b").write_bytes(b"2")
    found = fingerprint_files(tmp_path)
    names = [r["name"] for r in signing_statement(found, "m")["predicate"]["resources"]]
    assert [file.path for file in found.files] == ["a-b", "a/x"]
    assert names == ["a/x", "a-b"]


def test_renamed_folder_keeps_its_digest(tmp_path):
    found = _folder(tmp_path, f=b"1")
    one, two = signing_statement(found, "one"), signing_statement(found, "two")
    assert one["subject"][0]["digest"] == two["subject"][0]["digest"]
    assert one["predicate"] == two["predicate"]
