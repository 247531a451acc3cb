"""What does not count in the canonical digest of a model's files."""

import json
import pickle
import zipfile
from pathlib import Path

from aims_mlops.measures.fingerprint.files import fingerprint_files
from aims_mlops.measures.fingerprint.model_content import model_content


def keras_archive(path, *, shared, units=4, saved="2026-01-01"):
    """The members that Keras writes, with a policy that two layers share: its id is an address."""
    policy = {"class_name": "DTypePolicy", "shared_object_id": shared[0]}
    layer = {"units": units, "dtype": policy}
    other = {"units": 1, "dtype": {**policy, "shared_object_id": shared[1]}}
    path.mkdir()
    with zipfile.ZipFile(path / "model.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3", "date_saved": saved}))
        archive.writestr("config.json", json.dumps({"layers": [layer, other]}))
        archive.writestr("model.weights.h5", b"weights")
    return model_content(path, fingerprint_files(path).files)


def test_keras_model_saved_by_two_processes_has_one_canonical_digest(tmp_path: Path):
    first = keras_archive(tmp_path / "a", shared=(1397083, 1397083))
    again = keras_archive(tmp_path / "b", shared=(9944, 9944), saved="2026-02-02")
    assert first == again
    assert first.changed == ("model.keras",)


def test_keras_models_that_differ_have_two_canonical_digests(tmp_path: Path):
    first = keras_archive(tmp_path / "a", shared=(1, 1))
    assert keras_archive(tmp_path / "b", shared=(1, 1), units=5).sha256 != first.sha256
    assert keras_archive(tmp_path / "c", shared=(1, 2)).sha256 != first.sha256


def torch_archive(path, *, identity, weights=b"weights"):
    """The members that PyTorch writes; its id is a hash over their bytes, class ids and all."""
    path.mkdir()
    with zipfile.ZipFile(path / "model.pth", "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps({"layers": 2}))
        archive.writestr("model/data/0", weights)
        archive.writestr("model/.data/serialization_id", identity)
    return model_content(path, fingerprint_files(path).files)


def test_torch_model_saved_twice_has_one_canonical_digest_whatever_its_id(tmp_path: Path):
    first = torch_archive(tmp_path / "a", identity="1" * 40)
    assert torch_archive(tmp_path / "b", identity="2" * 40) == first
    other = torch_archive(tmp_path / "c", identity="1" * 40, weights=b"others")
    assert other.sha256 != first.sha256


def catboost_file(path, *, guid, trees=b"trees"):
    """The part around the GUID as CatBoost writes it: texts of FlatBuffers, at four bytes each."""

    def text(said):
        return len(said).to_bytes(4, "little") + said + b"\0" * (4 - len(said) % 4)

    path.mkdir()
    ends = text(b"2026-12-01T10:00:00Z") + text(b"train_finish_time")
    (path / "model.cb").write_bytes(b"CBM1" + text(guid) + text(b"model_guid") + ends + trees)
    return model_content(path, fingerprint_files(path).files)


def test_catboost_model_has_one_canonical_digest_whatever_the_length_of_its_guid(tmp_path: Path):
    # Its four numbers have no leading zeros: of 40 trainings here three lengths came.
    guids = (b"1f2e3d4c-5b6a7988-1a2b3c4d-1e2f3a4b", b"f2e3d4c-5b6a7988-1a2b3c4d-1e2f3a4b",
             b"f2e3d4c-b6a7988-1a2b3c4d-1e2f3a4b")  # fmt: skip
    found = {catboost_file(tmp_path / str(len(guid)), guid=guid) for guid in guids}
    assert len(found) == 1
    other = catboost_file(tmp_path / "other", guid=guids[0], trees=b"others")
    assert other.sha256 not in {content.sha256 for content in found}


def test_text_that_only_looks_like_a_guid_counts(tmp_path: Path):
    first = catboost_file(tmp_path / "a", guid=guid_of(1), trees=b"\1\0\0\0" + guid_of(2) + b"\0")
    other = catboost_file(tmp_path / "b", guid=guid_of(1), trees=b"\1\0\0\0" + guid_of(3) + b"\0")
    assert first.sha256 != other.sha256


def guid_of(number):
    return b"1f2e3d4c-5b6a7988-1a2b3c4d-1e2f3a4%d" % number
