"""Digests of files and folders, and models that are found by them."""

import hashlib
import json
import os

import pytest

from aims_mlops.errors import InputError, ModelNotFoundError
from aims_mlops.measures.fingerprint import files
from aims_mlops.measures.fingerprint.files import fingerprint_files, fingerprint_of
from aims_mlops.measures.fingerprint.model_files import resolve_model


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_bytes(b"flavors:\n")
    (folder / "data" / "model.bin").write_bytes(bytes(range(256)) * 9_000)  # more than one read
    return folder


def by_hand(*contents):
    """The digest from the definition: canonical JSON of sorted paths, sizes and digests."""
    files = [
        {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for path, content in sorted(contents)
    ]
    manifest = {"files": files, "scheme": "aims-files-v1"}
    return hashlib.sha256(json.dumps(manifest, separators=(",", ":")).encode()).hexdigest()


def test_folder_has_the_digest_of_the_definition(model):
    found = fingerprint_files(model)
    assert found.sha256 == by_hand(
        ("MLmodel", b"flavors:\n"), ("data/model.bin", bytes(range(256)) * 9_000)
    )
    assert [file.path for file in found.files] == ["MLmodel", "data/model.bin"]
    assert found.size == 9 + 256 * 9_000


def test_one_file_is_listed_by_its_name(model):
    assert fingerprint_files(model / "MLmodel").sha256 == by_hand(("MLmodel", b"flavors:\n"))


def test_times_modes_and_empty_folders_do_not_count(model):
    before = fingerprint_files(model)
    (model / "empty").mkdir()
    (model / "MLmodel").chmod(0o700)
    os.utime(model / "MLmodel", (0, 0))
    assert fingerprint_files(model) == before


@pytest.mark.parametrize("threads", [1, 4])
def test_number_of_threads_changes_nothing(model, threads):
    assert fingerprint_files(model, threads=threads) == fingerprint_files(model)


def test_changed_byte_renamed_and_added_file_show(model):
    digests = {fingerprint_files(model).sha256}
    content = bytearray((model / "data" / "model.bin").read_bytes())
    content[-1] ^= 1
    (model / "data" / "model.bin").write_bytes(content)
    digests.add(fingerprint_files(model).sha256)
    (model / "MLmodel").rename(model / "MLmodel2")
    digests.add(fingerprint_files(model).sha256)
    (model / "extra").touch()
    digests.add(fingerprint_files(model).sha256)
    assert len(digests) == 4


def test_what_mlflow_adds_on_download_is_left_out_at_the_top_only(model):
    before = fingerprint_files(model)
    (model / "registered_model_meta").write_text("model_name: m\n")
    assert fingerprint_files(model) == before
    (model / "data" / "registered_model_meta").write_text("model_name: m\n")
    assert fingerprint_files(model) != before


def test_symbolic_link_below_is_refused_by_name(model):
    (model / "data" / "link").symlink_to("/etc/hostname")
    with pytest.raises(InputError, match="'data/link' is a symbolic link"):
        fingerprint_files(model)


def test_linked_folder_below_is_refused(model, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (model / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="'linked' is a symbolic link"):
        fingerprint_files(model)


def test_path_that_is_a_link_itself_is_followed(model, tmp_path):
    (tmp_path / "folder").symlink_to(model)
    (tmp_path / "MLmodel").symlink_to(model / "MLmodel")
    assert fingerprint_files(tmp_path / "folder") == fingerprint_files(model)
    assert fingerprint_files(tmp_path / "MLmodel") == fingerprint_files(model / "MLmodel")


def test_file_swapped_for_a_link_after_the_walk_is_refused(model, monkeypatch):
    walk = files._walk

    def swap(root, leave_out):
        found = list(walk(root, leave_out))
        (model / "MLmodel").unlink()
        (model / "MLmodel").symlink_to(model / "data" / "model.bin")
        return found

    monkeypatch.setattr(files, "_walk", swap)
    with pytest.raises(InputError, match="cannot be read"):
        fingerprint_files(model)


def test_named_pipe_is_refused(model):
    os.mkfifo(model / "pipe")
    with pytest.raises(InputError, match="'pipe' is a special file"):
        fingerprint_files(model)
    with pytest.raises(InputError, match="special file"):
        fingerprint_files(model / "pipe")


def test_name_that_is_not_utf8_is_refused(model):
    os.close(os.open(os.fsencode(model) + b"/\xff", os.O_CREAT))
    with pytest.raises(InputError, match="not UTF-8"):
        fingerprint_files(model)


def test_absent_path_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file or folder at"):
        fingerprint_files(tmp_path / "nothing")


def test_empty_folder_has_the_digest_of_an_empty_list(tmp_path):
    assert fingerprint_files(tmp_path).sha256 == by_hand()
    assert fingerprint_of([]).sha256 == by_hand()


def test_listing_gives_the_digest_of_the_folder(model):
    found = fingerprint_files(model)
    assert fingerprint_of(reversed(found.files)) == found


def test_body_and_repr_say_files_and_bytes(model):
    found = fingerprint_files(model)
    assert found.to_body()["size_bytes"] == found.size
    assert "2 files" in repr(found)
    assert "data/model.bin" in found._repr_html_()


class TestResolveModel:
    def test_folder_is_found_by_path_and_url(self, model):
        found = resolve_model(str(model))
        assert found.sha256 == fingerprint_files(model).sha256
        assert found.files == fingerprint_files(model).files
        assert resolve_model(model.as_uri()).sha256 == found.sha256
        assert found.registry is None

    def test_file_is_found_by_path(self, model):
        assert resolve_model(str(model / "MLmodel")).files[0].path == "MLmodel"

    def test_digest_is_taken_as_it_is(self):
        assert resolve_model("sha256:" + "A" * 64).sha256 == "a" * 64

    @pytest.mark.parametrize("uri", ["sha256:abc", "no/such/model", "", "file:///no/such"])
    def test_what_leads_nowhere_is_refused(self, uri):
        with pytest.raises(ModelNotFoundError) as caught:
            resolve_model(uri)
        assert caught.value.next_step

    def test_empty_folder_is_no_model(self, tmp_path):
        with pytest.raises(ModelNotFoundError, match="holds no file"):
            resolve_model(str(tmp_path))

    @pytest.mark.parametrize(
        "uri", ["models:/m/1", "s3://bucket/model", "runs:/x/model", "file://host/model"]
    )
    def test_other_forms_are_left_to_other_plugins(self, uri):
        assert resolve_model(uri) is None
