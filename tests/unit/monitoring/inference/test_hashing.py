"""What stands for a value that is not kept, and ids that sort by time."""

from __future__ import annotations

import hashlib
import math
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aims_mlops.errors import InputError
from aims_mlops.inference_log.recorder.request import is_sampled, new_id
from aims_mlops.inference_log.storage.hashing import bucketed, hashed, hashing_key

KEY = bytes(range(32))


def test_hash_is_keyed_blake2b_of_16_bytes() -> None:
    expected = hashlib.blake2b(b"s:ada", key=KEY, digest_size=16).hexdigest()
    assert hashed("ada", KEY) == expected
    assert hashed("ada", bytes(32)) != expected


def test_numbers_hash_alike_in_every_type_and_unlike_their_text() -> None:
    same = {hashed(value, KEY) for value in (1, 1.0, np.int64(1), np.float32(1))}
    assert len(same) == 1
    others = [True, "1", b"1", 1.5, -1]
    assert len({hashed(value, KEY) for value in others} | same) == len(others) + 1


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, pd.NaT, np.float64("nan")])
def test_missing_value_stays_missing(missing: object) -> None:
    assert hashed(missing, KEY) is None
    assert bucketed(missing, [1]) is None


@pytest.mark.parametrize(
    ("value", "interval"),
    [
        (17.9, "(-inf, 18)"),
        (18, "[18, 65)"),
        (64.999, "[18, 65)"),
        (65, "[65, inf)"),
        (-math.inf, "(-inf, 18)"),
        ("thirty", "not a number"),
    ],
)
def test_number_lies_in_the_interval_that_begins_with_its_edge(
    value: object, interval: str
) -> None:
    assert bucketed(value, [18, 65]) == interval


def test_key_is_made_once_and_for_this_user_only(tmp_path: Path) -> None:
    first = hashing_key(tmp_path / "state")
    assert len(first) == 32
    assert hashing_key(tmp_path / "state") == first
    mode = (tmp_path / "state" / "hash.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_key_of_the_environment_is_shared_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMS_INFERENCE_KEY", KEY.hex())
    assert hashing_key(tmp_path) == KEY
    monkeypatch.setenv("AIMS_INFERENCE_KEY", "secret")
    with pytest.raises(InputError, match="is no key; got 6 characters") as caught:
        hashing_key(tmp_path)
    assert "secret" not in str(caught.value)


def test_new_ids_are_uuids_of_version_7_and_sort_by_time() -> None:
    import time
    import uuid

    ids = []
    for _ in range(5):
        ids.append(new_id())
        time.sleep(0.002)
    assert ids == sorted(ids)
    assert {uuid.UUID(id_).version for id_ in ids} == {7}
    assert {uuid.UUID(id_).variant for id_ in ids} == {uuid.RFC_4122}
    assert abs(int(ids[0].replace("-", "")[:12], 16) / 1000 - time.time()) < 60


def test_sample_depends_on_id_and_seed_only() -> None:
    ids = [f"r{n}" for n in range(2000)]
    kept = {id_ for id_ in ids if is_sampled(id_, 0.1, "a")}
    assert kept == {id_ for id_ in ids if is_sampled(id_, 0.1, "a")}
    assert kept != {id_ for id_ in ids if is_sampled(id_, 0.1, "b")}
    assert kept < {id_ for id_ in ids if is_sampled(id_, 0.5, "a")}
    assert abs(len(kept) - 200) < 67  # five standard deviations of 13.4
