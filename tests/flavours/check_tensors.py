"""Tensors, datasets and loaders of torch among a function's arguments; run by `make flavours`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

import aims_mlops as aims
from aims_mlops.inventory.project import find_project, forget_stores

ROWS = np.arange(40, dtype=np.float32).reshape(20, 2)


class OfItsOwn(Dataset):  # type: ignore[type-arg]
    """Draws a random number each time that it is read."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        raise AssertionError("capture must not read it")


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIMS_CAPTURE_ERRORS", "warn")

    def given(**arguments: Any) -> dict[str, Any]:
        @aims.training(quality=False, mlflow=False)
        def train(**_: Any) -> None:
            return None

        train(**arguments)
        found: dict[str, Any] = {"dataset": {}, "gap": []}
        for record in find_project().open_store().find():
            body = record.evidence.body
            if record.evidence.kind == "dataset":
                found["dataset"][body["name"]] = body
            elif record.evidence.kind == "gap":
                found["gap"].append(body["message"])
            elif record.evidence.kind == "parameters":
                found["parameters"] = body
        forget_stores()
        return found

    return given


def test_tensor_has_the_digest_of_its_numbers(recorded: Any) -> None:
    found = recorded(X_train=torch.from_numpy(ROWS))
    assert found["dataset"]["X_train"]["sha256"] == aims.fingerprint(ROWS).sha256
    assert found["dataset"]["X_train"]["rows"] == 20
    assert found["gap"] == []


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: DataLoader(d, batch_size=4, shuffle=True)])
def test_each_tensor_of_a_data_set_or_loader_is_one(recorded: Any, wrap: Any) -> None:
    before = torch.get_rng_state()
    data = TensorDataset(torch.from_numpy(ROWS), torch.zeros(20))
    found = recorded(train=wrap(data))
    assert {name: body["rows"] for name, body in found["dataset"].items()} == {
        "train.0": 20,
        "train.1": 20,
    }
    assert found["gap"] == []
    assert torch.equal(before, torch.get_rng_state())


def test_subset_is_its_own_rows(recorded: Any) -> None:
    data = Subset(TensorDataset(torch.from_numpy(ROWS)), [3, 1])
    found = recorded(train=data)
    assert found["dataset"]["train.0"]["sha256"] == aims.fingerprint(ROWS[[3, 1]]).sha256


def test_images_are_rows_that_differ_where_a_pixel_does(recorded: Any) -> None:
    images = torch.zeros(4, 3, 64, 64)
    first = recorded(images=images)["dataset"]["images"]
    images[2, 0, 0, 0] = 1e-6
    second = recorded(images=images)["dataset"]["images"]
    assert first["rows"] == 4
    assert first["sha256"] != second["sha256"]


def test_data_set_of_its_own_code_is_a_gap_and_is_not_read(recorded: Any) -> None:
    found = recorded(train=OfItsOwn())
    assert found["dataset"] == {}
    assert len(found["gap"]) == 1


def test_device_and_dtype_are_text(recorded: Any) -> None:
    found = recorded(device=torch.device("cuda:0"), dtype=torch.bfloat16)
    assert found["parameters"]["parameters"] == {"device": "cuda:0", "dtype": "torch.bfloat16"}
    assert found["gap"] == []
